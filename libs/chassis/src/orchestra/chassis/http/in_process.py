"""HTTP between services of one process: a client's transport that calls an ASGI application.

Unlike the client library's own, it streams both bodies: a large artifact is never whole in memory, and an endless
event stream can be read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
from starlette.types import ASGIApp, Message, Scope


class InProcessHttp(httpx.AsyncBaseTransport):
    """`AsyncClient(transport=InProcessHttp(app), base_url="http://planner")`; `app` starts and stops elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _Call(self._app, request)
        try:
            start = await call.started
        except BaseException:
            await call.aclose()
            raise
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=call)


class _Call(httpx.AsyncByteStream):
    """One request under way, in a task of its own, so that its context variables stay its own."""

    def __init__(self, app: ASGIApp, request: httpx.Request) -> None:
        self.started: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._head = request.method == "HEAD"
        self._request = cast(httpx.AsyncByteStream, request.stream).__aiter__()
        self._request_read = False
        self._answer: asyncio.Queue[bytes | None] = asyncio.Queue(1)  # the reader's pace is the application's
        self._complete = asyncio.Event()
        self._closed = False
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._run(app, _scope(request)))

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 (whatever it is, the reader is told)
            # An application that has answered 500 raises its bug once more; that answer stands.
            self._fail(httpx.ReadError(f"the application failed: {type(error).__name__}: {error}"))
        self._fail(httpx.ReadError("the application did not finish its answer"))
        if not self._complete.is_set():
            await self._put(None)

    def _fail(self, error: Exception) -> None:
        """The first reason counts, and only for an answer that is not complete."""
        if self._failure is None and not self._complete.is_set():
            self._failure = error
            if not self.started.done():
                self.started.set_exception(error)

    async def _receive(self) -> Message:
        if self._request_read:
            await self._complete.wait()
            return {"type": "http.disconnect"}
        try:
            chunk = await anext(self._request, None)
        except Exception as error:  # noqa: BLE001 (it is the client's own: to the application it is a lost connection)
            self._fail(error)
            return {"type": "http.disconnect"}
        self._request_read = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self.started.done():
                self.started.set_result(message)
        elif message["type"] == "http.response.body":
            if (body := message.get("body", b"")) and not self._head:
                await self._put(body)
            if not message.get("more_body", False):
                self._complete.set()
                await self._put(None)

    async def _put(self, chunk: bytes | None) -> None:
        if not self._closed:
            await self._answer.put(chunk)
        elif not self._complete.is_set():
            await asyncio.get_running_loop().create_future()  # for the cancellation that is on its way

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._answer.get()) is not None:
            yield chunk
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """An application that has answered may come to its end; one that has not is stopped."""
        self._closed = True
        if not self._complete.is_set():
            self._task.cancel()
        elif not self._answer.empty():
            self._answer.get_nowait()  # makes room for the end, which may wait to be told
        await asyncio.gather(self._task, return_exceptions=True)


def _scope(request: httpx.Request) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": None,
        "root_path": "",
    }
