"""What a command reaches of the network: a proxy of its own, which knows the hosts that it asked for.

The proxy listens within the command's network namespace, where nothing else is, and lives in the executor. It takes
CONNECT alone. A name is resolved here and not inside, every address is judged by the rules for outward requests, and
the connection goes to one of those very addresses: nothing resolves the name a second time.
"""

import asyncio
import re
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable
from contextlib import suppress

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import CONNECT_S, MOST_ADDRESSES, Outward, RefusedUrl, Target
from orchestra.executor.adapters.sandbox.namespace import PORT
from orchestra.executor.domain import hosts as names

ENVIRONMENT = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"), f"http://127.0.0.1:{PORT}")
"""Plain requests are sent there too, and are told why they are refused."""
MOST_CONNECTIONS = 64
_HEAD_BYTES, _HEAD_S, _CHUNK = 8192, 10.0, 65536
_CONNECT = re.compile(rb"CONNECT ([^ ]{1,300}) HTTP/1\.[01]\r\n")


class _Refused(Exception):
    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


class Proxy:
    """For one command. `hosts` are those that the policy has allowed it."""

    def __init__(self, hosts: Iterable[str], outward: Outward) -> None:
        self._hosts = {names.split(host) for host in hosts}
        self._outward = outward
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=_HEAD_BYTES)

    def close(self) -> None:
        """Ends every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            return  # whoever asked is gone, or the command has ended
        finally:
            self._serving.discard(task)
            writer.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            if len(self._serving) > MOST_CONNECTIONS:
                raise _Refused("503 Service Unavailable", f"a command has at most {MOST_CONNECTIONS} connections")
            far_reader, far_writer = await self._connect(*self._wanted(await _head(reader)))
        except _Refused as refused:
            body = f"orchestra: {refused}\n".encode()
            head = f"HTTP/1.1 {refused.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
            return
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        finally:
            far_writer.close()

    def _wanted(self, head: bytes) -> tuple[str, int]:
        """Whom the command wants to reach, if it may."""
        found = _CONNECT.match(head)
        if not found:
            raise _Refused("405 Method Not Allowed", "only https passes here, by CONNECT")
        host = found[1].decode("latin-1").lower()
        if fault := names.fault_of(host):
            raise _Refused("403 Forbidden", f"{host!r} {fault}")
        if names.split(host) not in self._hosts:
            raise _Refused("403 Forbidden", f"{host} is not among the hosts that this command asked for")
        return names.split(host)

    async def _connect(self, host: str, port: int) -> tuple[StreamReader, StreamWriter]:
        try:
            addresses = await self._outward.addresses(Target("https", host, port))
        except RefusedUrl as refused:
            raise _Refused("403 Forbidden", str(refused)) from refused
        except Transient as away:
            raise _Refused("502 Bad Gateway", str(away)) from away
        for address in addresses[:MOST_ADDRESSES]:
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(address, port, limit=_CHUNK), CONNECT_S)
        raise _Refused("502 Bad Gateway", f"{host} does not answer on port {port}")


async def _head(reader: StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_S)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise _Refused("400 Bad Request", "this is no request") from error


async def _pass_on(source: StreamReader, target: StreamWriter) -> None:
    """To the end, and that too."""
    while chunk := await source.read(_CHUNK):
        target.write(chunk)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
