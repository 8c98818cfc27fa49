"""What happens around every request: its id, its trace, its size limit, its one log line."""

import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestra.chassis.http.problems import Problem
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import span

log = logger("http")

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body, where the route sets no limit of its own."""

QUIET = ("/livez", "/readyz")


class Requests:
    """ASGI middleware. `streamed` are path prefixes whose bodies are streams with limits of their own."""

    def __init__(self, app: ASGIApp, streamed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")[:100] or uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        path: str = scope["path"]
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with span(f"{scope['method']} {path}", headers.get("traceparent")):
                try:
                    if path.startswith(self._streamed) if self._streamed else False:
                        await self._app(scope, receive, send_with_id)
                    else:
                        await self._app(scope, await _bounded(headers, receive), send_with_id)
                except Problem as problem:  # the body's size is found before any route's handler runs
                    await problem.response(path)(scope, receive, send_with_id)
                except Exception:
                    log.exception("bug", path=path)
                    if status:
                        raise  # half an answer is out: all that is left is to cut it off
                    bug = Problem(500, "internal-error", "this is a bug in the service")
                    await bug.response(path)(scope, receive, send_with_id)
                finally:
                    if not path.startswith(QUIET):
                        ms = round(1000 * (time.perf_counter() - started), 2)
                        log.info("request", method=scope["method"], path=path, status=status, ms=ms)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")


async def _bounded(headers: Headers, receive: Receive) -> Receive:
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > LARGEST_BODY:
        raise _too_large()
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise _too_large()
        return message

    return bounded


def _too_large() -> Problem:
    return Problem(413, "too-large", f"a body has at most {LARGEST_BODY} bytes")
