"""The HTTP client that the providers' libraries are given: where it goes, how much it takes, how long it waits."""

import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal, cast

import httpcore2
import httpx2

from orchestra.chassis.http.outward import CONNECT_S, Outward, Target, target_of
from orchestra.executor.adapters.models.reach import Reach, check_reach
from orchestra.executor.domain.models.provider import Patience

_NAMES = (
    "accept accept-encoding anthropic-beta anthropic-version connection content-length content-type host user-agent"
)
TENANTS_GET = frozenset(_NAMES.split())
"""Headers that go to an address which a tenant chose, beside that tenant's key: the libraries take others from the
environment, and those are of the house."""


class AnswerTooLarge(Exception):
    """The answer has more bytes than are taken."""


def client(
    patience: Patience,
    reach: Reach,
    trusted: ssl.SSLContext,
    outward: Outward | None = None,
    tenants_key: str | None = None,
) -> httpx2.AsyncClient:
    """`outward` and `tenants_key`: the URL was chosen by a tenant, and each connection is judged and pinned."""
    waits = httpx2.Timeout(patience.silence_s, connect=patience.connect_s, pool=patience.connect_s)
    inner = transports(outward, trusted)
    mounts = {each: _Bounded(inner[each], patience.answer_bytes, reach, tenants_key) for each in inner}
    return httpx2.AsyncClient(mounts=mounts, timeout=waits, follow_redirects=False, trust_env=False)


def transports(outward: Outward | None, trusted: ssl.SSLContext) -> dict[str, httpx2.AsyncBaseTransport]:
    """By what an address begins with; with `outward` each connection is judged and pinned."""
    if outward is None:
        return {"all://": httpx2.AsyncHTTPTransport(verify=trusted, trust_env=False)}
    return {"https://": Guarded(outward, "https", trusted), "http://": Guarded(outward, "http", trusted)}


class _Bounded(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, most: int, reach: Reach, tenants_key: str | None) -> None:
        self._inner = inner
        self._most = most
        self._reach: Reach = reach
        self._tenants_key = tenants_key

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises PaidCallRefused, and AnswerTooLarge while the answer is read."""
        check_reach(self._reach, request.url.host)
        # What is compressed could be of any size once it is read.
        request.headers["accept-encoding"] = "identity"
        if self._tenants_key is not None:
            for name in set(request.headers) - TENANTS_GET:
                del request.headers[name]
            request.headers["authorization"] = f"Bearer {self._tenants_key}"
        answer = await self._inner.handle_async_request(request)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise AnswerTooLarge("the answer is compressed, and nobody knows how large it is")
        answer.stream = _Counted(cast("httpx2.AsyncByteStream", answer.stream), self._most)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, most: int) -> None:
        self._inner, self._left, self._most = inner, most, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._left -= len(piece)
            if self._left < 0:
                raise AnswerTooLarge(f"the answer has more than {self._most} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class Guarded(httpx2.AsyncHTTPTransport):
    """The library's own transport, its connections made by `_Pinned`; none is used for a second request."""

    def __init__(self, outward: Outward, scheme: Literal["http", "https"], context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Pinned(outward, scheme),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises RefusedUrl for a URL that is not written plainly, and what `_Pinned` raises."""
        target_of(str(request.url))
        return await super().handle_async_request(request)


class _Pinned(httpcore2.AsyncNetworkBackend):
    """As in the chassis, for the other library: a connection goes to an address that was judged just now."""

    def __init__(self, outward: Outward, scheme: Literal["http", "https"]) -> None:
        self._outward = outward
        self._scheme: Literal["http", "https"] = scheme
        self._sockets = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return await self._outward.connected(
            Target(self._scheme, host, port),
            lambda address: self._sockets.connect_tcp(address, port, timeout=timeout or CONNECT_S),
            (httpcore2.ConnectError, httpcore2.ConnectTimeout),
        )

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)
