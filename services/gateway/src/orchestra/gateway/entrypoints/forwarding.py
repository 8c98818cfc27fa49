"""One handler for every forwarded route: who may is decided here, the answer is the service's own."""

from collections.abc import AsyncIterable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from orchestra.chassis.http.identity import Caller, CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.gateway.adapters.services import TOTAL, Answer, Services, segment
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices, needs
from orchestra.gateway.entrypoints.routes import ANSWER, BUDGETS, EDITS, FORK, FORWARDED, PLAN, Route

PASSED_ON = (
    "accept",
    "content-type",
    "content-length",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-agent-token",
)
PASSED_BACK = (
    "content-type",
    "content-length",
    "content-disposition",
    "cache-control",
    "etag",
    "idempotent-replayed",
    "location",
    "retry-after",
)

router = APIRouter(prefix=PREFIX)


async def call(route: Route, request: Request, caller: Caller, services: Services, body: bytes | None = None) -> Answer:
    """The service's answer, its body unread; `relay` or close it. `body` goes in place of the request's own."""
    headers = {name: ", ".join(lines) for name in PASSED_ON if (lines := request.headers.getlist(name))}
    if body is not None:
        headers["content-length"] = str(len(body))
    if route.in_project:
        await services.project(caller, request.path_params["project_id"])
    path = route.path.format(**{name: segment(value) for name, value in request.path_params.items()})
    try:
        return await services.send(
            route.service,
            caller,
            route.method,
            f"{path}?{request.url.query}" if request.url.query else path,
            headers=headers,
            content=_body(request) if body is None else body,
            total=None if route.streamed else TOTAL,
        )
    except ClientDisconnect as error:
        raise Problem(400, "cut-off", "the body ended before its time") from error


def relay(answer: Answer) -> Response:
    """The answer as it came: its status, its body, the headers that mean something to the caller."""
    return _Relayed(answer, passed_back(answer))


def passed_back(answer: Answer) -> dict[str, str]:
    headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    if headers.get("location", "").startswith("/"):
        headers["location"] = PREFIX + headers["location"]
    return headers


def _body(request: Request) -> AsyncIterable[bytes] | None:
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    return None if empty else request.stream()


class _Relayed(StreamingResponse):
    """Ends the service's answer with its own, however that ends."""

    def __init__(self, answer: Answer, headers: Mapping[str, str]) -> None:
        super().__init__(answer.aiter_raw(), answer.status_code, headers)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


def _handler(route: Route) -> Any:
    async def handle(request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
        return relay(await call(route, request, caller, services))

    return handle


for _route in FORWARDED:
    # plans.py answers for a plan that is on its way, and asks the policy about edits; answers.py looks for content;
    # projects.py answers once a fork's project is known; budgets.py looks for what a budget belongs to.
    if _route not in (PLAN, EDITS, ANSWER, FORK, *BUDGETS):
        router.add_api_route(
            _route.path,
            _handler(_route),
            methods=[_route.method],
            dependencies=[needs(_route.grant)],
            include_in_schema=False,
        )
