"""Budgets: forwarded where what they belong to is known. The executor keeps no list of projects, runs and tasks."""

from typing import Any

from fastapi import APIRouter, Request, Response

from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.gateway.adapters.services import segment
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices, needs
from orchestra.gateway.entrypoints.forwarding import call, relay
from orchestra.gateway.entrypoints.routes import BUDGETS, Route, ServiceName

router = APIRouter(prefix=PREFIX)

_KNOWN_AT: dict[str, tuple[ServiceName, str]] = {
    "project": ("planner", "/projects"),
    "run": ("scheduler", "/runs"),
    "task": ("scheduler", "/tasks"),
}
"""Who knows them; the workspace's own scopes are the executor's to judge."""


def _handler(route: Route) -> Any:
    async def handle(
        scope: str, name: str, request: Request, caller: CurrentCaller, services: CurrentServices
    ) -> Response:
        if scope in _KNOWN_AT:
            service, path = _KNOWN_AT[scope]
            if await services.look_up(service, caller, f"{path}/{segment(name)}") is None:
                raise Problem(404, "unknown-budget", f"There is no {scope} {name}.")
        return relay(await call(route, request, caller, services))

    return handle


for _route in BUDGETS:
    router.add_api_route(
        _route.path,
        _handler(_route),
        methods=[_route.method],
        dependencies=[needs(_route.grant)],
        include_in_schema=False,
    )
