"""A TCP proxy that misbehaves on demand: cut every connection, or swallow what is sent."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class TcpProxy:
    """Stands before a server; `url(original)` leads through it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._answers = asyncio.Event()
        self._answers.set()
        self._requests = asyncio.Event()
        self._requests.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    async def before(cls, url: str) -> "TcpProxy":
        parts = urlsplit(url)
        proxy = cls(parts.hostname or "127.0.0.1", parts.port or 5672)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        return proxy

    def url(self, original: str) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        parts = urlsplit(original)
        credentials = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()

    def swallow(self) -> None:
        """A black hole from now on: connections stay open and nothing passes, either way."""
        self._open.clear()

    def heal(self) -> None:
        self._open.set()

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """What is sent arrives; what is answered does not."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    @asynccontextmanager
    async def mute(self) -> AsyncIterator[None]:
        """What is answered arrives; what is sent does not."""
        self._requests.clear()
        try:
            yield
        finally:
            self._requests.set()

    def cut(self) -> None:
        """Reset every connection; new ones are served."""
        for writer in tuple(self._writers):
            with suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.heal()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(*self._target)
        self._writers |= {writer, here}
        for source, sink, answer in ((reader, here, False), (there, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, answer=answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answer: bool) -> None:
        with suppress(OSError):
            while chunk := await source.read(1 << 16):
                await self._open.wait()
                await (self._answers if answer else self._requests).wait()
                sink.write(chunk)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()
