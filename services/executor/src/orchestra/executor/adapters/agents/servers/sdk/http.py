"""The HTTP client for servers of tools: where it goes, how much it takes, and what it has seen.

What goes wrong with a request is not raised within the library, whose connection would break for all requests: it is
noted here, and an answer without content takes its place.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

import httpx2

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import CONNECT_S, Outward, RefusedUrl
from orchestra.executor.adapters.agents.servers.access import ServerFault
from orchestra.executor.adapters.models.sdk.wire import transports

MOST_BYTES = 4 * 2**20
"""Of one answer."""
SILENCE_S = 300.0
_NOT_SERVED = frozenset((400, 401, 403, 404, 405, 406, 413, 415, 429, 503))


@dataclass
class Seen:
    """What became of the requests since it was last cleared."""

    fault: ServerFault | None = None

    def clear(self) -> None:
        self.fault = None

    def note(self, why: str, *, served: bool, refused: bool = False) -> None:
        if self.fault is None:
            self.fault = ServerFault(why, "perhaps" if served else "no", refused=refused)


def client(
    headers: Mapping[str, str], outward: Outward | None, seen: Seen, trusted: ssl.SSLContext
) -> httpx2.AsyncClient:
    """`outward`: a project chose the address, and each connection is judged and pinned."""
    mounts = transports(outward, trusted)
    return httpx2.AsyncClient(
        headers={**headers, "user-agent": "orchestra"},
        mounts={scheme: _Bounded(inner, seen) for scheme, inner in mounts.items()},
        timeout=httpx2.Timeout(SILENCE_S, connect=CONNECT_S, pool=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
    )


class _Bounded(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, seen: Seen) -> None:
        self._inner = inner
        self._seen = seen

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # What is compressed could be of any size once it is read.
        request.headers["accept-encoding"] = "identity"
        # Calls are posted. What becomes of the stream beside them, or of the farewell, is no fault of a call.
        seen = self._seen if request.method == "POST" else Seen()
        try:
            answer = await self._inner.handle_async_request(request)
        except RefusedUrl as refused:
            seen.note(str(refused), served=False, refused=refused.code != "unresolvable-host")
        except Transient as away:
            seen.note(str(away), served=False)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            seen.note(f"it cannot be reached ({type(error).__name__})", served=False)
        except httpx2.HTTPError as error:
            seen.note(f"its connection broke ({type(error).__name__})", served=True)
        else:
            if answer.headers.get("content-encoding", "identity") == "identity":
                return _noted(answer, seen)
            await answer.aclose()
            seen.note("its answer is compressed, and nobody knows how large it is", served=True)
        return httpx2.Response(502, request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _noted(answer: httpx2.Response, seen: Seen) -> httpx2.Response:
    status = answer.status_code
    if status >= 400:
        why = f"it refuses the token (HTTP {status})" if status in (401, 403) else f"it answers HTTP {status}"
        seen.note(why, served=status not in _NOT_SERVED)
    answer.stream = _Bound(cast("httpx2.AsyncByteStream", answer.stream), seen)
    return answer


class _Bound(httpx2.AsyncByteStream):
    """At most so many bytes; what breaks off ends as a stream that does."""

    def __init__(self, inner: httpx2.AsyncByteStream, seen: Seen) -> None:
        self._inner = inner
        self._seen = seen
        self._left = MOST_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                self._left -= len(piece)
                if self._left < 0:
                    self._seen.note(f"its answer has more than {MOST_BYTES} bytes", served=True)
                    raise httpx2.StreamError("too large")
                yield piece
        except httpx2.HTTPError as error:
            self._seen.note(f"its connection broke ({type(error).__name__})", served=True)
            raise httpx2.StreamError("broken") from error

    async def aclose(self) -> None:
        await self._inner.aclose()
