"""What happens around every request: its id, its trace, its limits of size and time, its one log line."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from uuid import uuid4

import structlog
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http.problems import Problem, unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import histogram
from orchestra.chassis.telemetry.tracing import span

log = logger("http")

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body, where the route sets no limit of its own."""

DEADLINE = 25.0
"""Seconds until an answer begins, whatever it waits for; then it is 503. One that has begun may take its time."""

DURATION = histogram(
    "http.server.request.duration",
    "Of a request, by the template of its path and the class of its status.",
    "http.request.method",
    "http.route",
    "http.response.status_class",
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are no label: anybody may make them up."""

QUIET = ("/livez", "/readyz", "/metrics", "/findings")
"""Asked all the time, by machines: no log line, no span."""


class Requests:
    """ASGI middleware. `streamed` are path prefixes whose bodies are streams with limits of their own."""

    def __init__(self, app: ASGIApp, service: str, streamed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._service = service
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")[:100] or uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        path: str = scope["path"]
        started = time.perf_counter()
        answer = _Answer(send, request_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with self._traced(scope, headers) as traced:
                try:
                    if path.startswith(self._streamed) if self._streamed else False:
                        await self._app(scope, receive, answer.send)
                    else:
                        async with answer.begun_in(DEADLINE):
                            await self._app(scope, await _bounded(headers, receive), answer.send)
                except Problem as problem:  # of the body's size and of time: both are found outside any handler
                    await problem.response(path)(scope, receive, answer.send)
                except Exception:
                    log.exception("bug", path=path)
                    if answer.status:
                        raise  # half an answer is out: all that is left is to cut it off
                    bug = Problem(500, "internal-error", "this is a bug in the service")
                    await bug.response(path)(scope, receive, answer.send)
                finally:
                    self._measure(scope, answer.status, time.perf_counter() - started)
                    _describe(traced, scope, answer.status)
                    if not path.startswith(QUIET):
                        ms = round(1000 * (time.perf_counter() - started), 2)
                        log.info("request", method=scope["method"], path=path, status=answer.status, ms=ms)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        if not scope["path"].startswith(QUIET):
            labels = {
                "service": self._service,
                "http.request.method": scope["method"] if scope["method"] in METHODS else "_OTHER",
                "http.route": route_of(scope),
                "http.response.status_class": f"{status // 100}xx" if status else "none",
            }
            DURATION.record(seconds, labels)

    def _traced(self, scope: Scope, headers: Headers) -> AbstractContextManager[Span]:
        if scope["path"].startswith(QUIET):
            return nullcontext(INVALID_SPAN)
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]}
        parent = headers.get("traceparent")
        return span(
            scope["method"], parent, service=self._service, kind=SpanKind.SERVER, attributes=attributes, root=True
        )


def route_of(scope: Scope) -> str:
    """The template of the path, such as `/tasks/{task_id}`; never the path itself, of which there is no end."""
    return getattr(scope.get("route"), "path", "") or "unmatched"


def _describe(traced: Span, scope: Scope, status: int) -> None:
    """By the conventions of HTTP spans. A status of 0 means that no answer was begun."""
    route = route_of(scope)
    traced.update_name(f"{scope['method']} {route}")
    traced.set_attribute("http.route", route)
    if status:
        traced.set_attribute("http.response.status_code", status)
    if status >= 500 or not status:
        traced.set_attribute("error.type", str(status or "cut-off"))
        traced.set_status(Status(StatusCode.ERROR))


class _Answer:
    """An answer on its way out."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.status = 0
        """0 until it has begun."""
        self._send = send
        self._request_id = request_id
        self._deadline: asyncio.Timeout | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["x-request-id"] = self._request_id
            if self._deadline is not None and not self._deadline.expired():
                self._deadline.reschedule(None)
        await self._send(message)

    @asynccontextmanager
    async def begun_in(self, seconds: float) -> AsyncGenerator[None]:
        """Raises the Problem of a service that is away when no answer has begun by then; what was done is undone."""
        deadline = self._deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            if not self.status:
                raise unavailable(Unavailable(f"no answer within {seconds:g} s")) from error
        finally:
            self._deadline = None


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
