"""Requests to addresses that somebody else chose: checked, and pinned to what was checked (SSRF).

A host is resolved when its connection is made, every address it resolves to is judged, and the connection goes to one
of those very addresses: nothing resolves the name a second time. TLS and the Host header keep the name. Redirects are
not followed, proxies and `.netrc` of the environment are ignored.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, TypeVar, cast
from urllib.parse import urlsplit

import httpcore
import httpx

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.addresses import Network, is_in, why_not_public

S = TypeVar("S")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host. Raises RefusedUrl (`unresolvable-host`) when there is none, Transient when nobody could say."""

CONNECT_S = 5.0
"""Seconds for each of a host's addresses."""

MOST_ADDRESSES = 8
"""Of a host that are tried; all of them are judged."""

LOWEST_PORT = 1024
"""Below it only 443 is for the public: the others belong to services that are not asked by HTTP."""

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


class RefusedUrl(Exception):
    """Nothing is sent to this URL. `code` is `invalid-url`, `refused-address` or `unresolvable-host`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Target:
    scheme: Literal["http", "https"]
    host: str
    """An address without brackets, or a name."""
    port: int


class SystemResolver:
    """What the machine says, on threads of its own: a name server that hangs holds up nobody else in this process."""

    def __init__(self, threads: int = 32) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        except UnicodeError as error:
            raise RefusedUrl("invalid-url", f"{host} is no name of a host") from error
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
                raise RefusedUrl("unresolvable-host", f"{host} has no address") from error
            raise Transient(f"{host} could not be resolved: {error.strerror}") from error
        return [str(entry[4][0]) for entry in found]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Outward:
    """The rules for requests to addresses that somebody else chose.

    Public addresses by https on port 443 or from 1024 up; addresses in an `allowed` network by http too, on any port.
    """

    def __init__(self, allowed: Iterable[Network] = (), resolve: Resolve | None = None) -> None:
        self._allowed = tuple(allowed)
        self._resolve: Resolve = resolve or SystemResolver()

    async def check(self, url: str) -> None:
        """Raises RefusedUrl when nothing would be sent there now, Transient when nobody can say."""
        await self.addresses(target_of(url))

    async def addresses(self, target: Target) -> list[str]:
        """Where a connection to the target may go. One address that is refused is enough to refuse the host."""
        try:
            found: Sequence[str] = [str(ip_address(target.host))]
        except ValueError:
            found = await self._resolve(target.host, target.port)
        if not found:
            raise RefusedUrl("unresolvable-host", f"{target.host} has no address")
        for text in found:
            self._judge(target, text)
        return list(dict.fromkeys(found))

    async def connected(
        self, target: Target, connect: Callable[[str], Awaitable[S]], failures: tuple[type[Exception], ...]
    ) -> S:
        """What `connect` makes of an address that was judged just now: of the next one, where it raises a failure.

        Raises RefusedUrl, Transient, or what the last address raised.
        """
        *others, last = (await self.addresses(target))[:MOST_ADDRESSES]
        for address in others:
            with suppress(*failures):
                return await connect(address)
        return await connect(last)

    def _judge(self, target: Target, text: str) -> None:
        address = ip_address(text)
        if is_in(address, self._allowed):
            return
        where = text if text == target.host else f"{target.host} ({text})"
        if what := why_not_public(address):
            raise RefusedUrl("refused-address", f"{where} is no public address: {what}")
        if target.scheme == "http":
            raise RefusedUrl("invalid-url", "plain http is for networks that the operator allows: use https")
        if target.port != 443 and target.port < LOWEST_PORT:
            raise RefusedUrl("invalid-url", f"port {target.port} is not for https: use 443, or one above {LOWEST_PORT}")

    def client(self, verify: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """A client that goes nowhere else. It has no timeout of its own: bound each request as a whole."""
        context = httpx.create_ssl_context(trust_env=False) if verify is None else verify
        return httpx.AsyncClient(
            transport=_Guarded(self, "https", context),
            mounts={"http://": _Guarded(self, "http", context)},
            timeout=None,  # noqa: S113 - see above
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        if isinstance(self._resolve, SystemResolver):
            self._resolve.close()


def target_of(url: str) -> Target:
    """What a URL names. Raises RefusedUrl for everything that two readers might understand differently."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _invalid("a URL is plain ASCII: percent-encode what is not")
    try:
        parts, other = urlsplit(url), httpx.URL(url)
        host, port = parts.hostname or "", parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise _invalid(f"this is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise _invalid("a URL begins with https:// and a host")
    if "@" in parts.netloc:
        raise _invalid("credentials do not belong into a URL")
    if "#" in url:
        raise _invalid("a fragment is never sent: leave it out")
    _check_host(host, bracketed="[" in parts.netloc)
    if (other.raw_host.decode().lower(), other.port) != (host, None if port == _usual(parts.scheme) else port):
        raise _invalid("the host and the port are not written plainly")
    if port == 0:
        raise _invalid("there is no port 0")
    return Target("http" if parts.scheme == "http" else "https", host, port or _usual(parts.scheme))


def _check_host(host: str, *, bracketed: bool) -> None:
    if "%" in host:
        raise _invalid("a host holds neither a zone nor a percent-encoded character")
    if bracketed:
        return  # the parser takes nothing but an IPv6 address
    if host.endswith(".") or ".." in host or len(host) > 253 or not _HOST.fullmatch(host):
        raise _invalid("a host is a name such as example.org, without a dot at its end")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            ip_address(host)
        except ValueError as error:
            raise _invalid("an IPv4 address is four decimal numbers without leading zeros") from error


def _usual(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _invalid(detail: str) -> RefusedUrl:
    return RefusedUrl("invalid-url", detail)


class _Guarded(httpx.AsyncHTTPTransport):
    """The library's own transport, its connections made by `_Pinned`; none is used for a second request."""

    def __init__(self, outward: Outward, scheme: Literal["http", "https"], context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Pinned(outward, scheme),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises RefusedUrl for a URL that is not written plainly, and what `_Pinned` raises."""
        target_of(str(request.url))
        return await super().handle_async_request(request)


class _Pinned(httpcore.AsyncNetworkBackend):
    def __init__(self, outward: Outward, scheme: Literal["http", "https"]) -> None:
        self._outward = outward
        self._scheme: Literal["http", "https"] = scheme
        self._sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._outward.connected(
            Target(self._scheme, host, port),
            lambda address: self._sockets.connect_tcp(address, port, timeout=timeout or CONNECT_S),
            (httpcore.ConnectError, httpcore.ConnectTimeout),
        )

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)
