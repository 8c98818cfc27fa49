"""For operators: how all services are, and what any of them could not handle."""

import asyncio
import importlib.metadata
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from pydantic_core import from_json

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.findings import Finding, Severity
from orchestra.chassis.http import operations
from orchestra.chassis.http.identity import Caller, CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentView, Cursor, Page
from orchestra.chassis.messaging.dead_letters import DeadLetter
from orchestra.chassis.messaging.message import plain
from orchestra.gateway.adapters.services import SERVICES, Services
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.entrypoints.access import PREFIX, CurrentDatabase, CurrentServices, needs
from orchestra.gateway.entrypoints.forwarding import call, relay
from orchestra.gateway.entrypoints.routes import Route, ServiceName

SEVERITIES = get_args(Severity)
FOUND_BY_ITSELF = ("database", "outbox", "loops", "sandbox")
"""Checks that a finding of the service itself says more of."""

GATEWAY = "gateway"
ALL = (GATEWAY, *SERVICES)

router = APIRouter(prefix=PREFIX, tags=["operating"])
public = APIRouter(tags=["operating"])

AnyService = Literal["gateway"] | ServiceName


class Version(BaseModel):
    version: str


class System(BaseModel):
    ready: bool
    services: dict[str, dict[str, Any]]
    """What each says at its own /readyz, or why it says nothing."""
    findings: list[Finding]
    """What is not well anywhere, the worst first."""


class DeadLetterView(BaseModel):
    service: str | None = None
    """In a list over all services."""
    id: str
    subscription: str
    event_id: str
    kind: str
    body: str
    reason: str
    traceback: str
    at: datetime
    replayed_at: datetime | None


@public.get("/version")
async def version() -> Version:
    return Version(version=importlib.metadata.version("orchestra-gateway"))


@router.get("/system", dependencies=[needs("operator")])
async def system(request: Request, services: CurrentServices) -> System:
    others = await asyncio.gather(*(services.readiness(name) for name in SERVICES))
    own = from_json(bytes((await operations.readyz(request)).body))
    reports = {GATEWAY: own, **dict(zip(SERVICES, others, strict=True))}
    found = await asyncio.gather(*(services.findings(name) for name in SERVICES))
    own_findings = await operations.findings(request)
    findings = [*own_findings, *(each for of_one in found for each in of_one), *_of_reports(reports)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    ready = all(report.get("ready") is True for report in reports.values())
    return System(ready=ready, services=reports, findings=findings)


def _of_reports(reports: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """What readiness says and no service finds by itself: that it is down, or that a server is away."""
    for name, report in reports.items():
        if "checks" not in report:
            problem = f"{name} does not answer: {report.get('reason', 'no reason')}"
            step = f"start it (`orchestra serve {name}`), and look at the end of its log"
            yield Finding(alert="OrchestraServiceDown", severity="error", problem=problem, step=step)
            continue
        for check, state in report["checks"].items():
            if not state["ok"] and check not in FOUND_BY_ITSELF:
                problem, step = f"{name}: the check `{check}` fails: {state['reason']}", f"look at the log of {name}"
                yield Finding(alert="OrchestraNotReady", severity="error", problem=problem, step=step)


@router.get("/dead-letters", dependencies=[needs("operator")])
async def list_dead_letters(
    caller: CurrentCaller,
    database: CurrentDatabase,
    services: CurrentServices,
    service: AnyService | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    replayed: bool = False,
) -> Page[DeadLetterView]:
    """One service after the other, each the newest first. A cursor names a service and holds that one's own."""
    names = (service,) if service else ALL
    begin, _, inner = (cursor or names[0]).partition(".")
    if begin not in names:
        raise Problem(422, "invalid-cursor", "this cursor was not made here")
    found: list[DeadLetterView] = []
    after = inner or None
    for name in names[names.index(begin) :]:
        if len(found) == limit:
            return Page(data=found, next_cursor=name)
        if name == GATEWAY:
            letters, after = await _own(database, caller, limit - len(found), after, replayed)
        else:
            letters, after = await _others(services, name, caller, limit - len(found), after, replayed)
        found += [DeadLetterView.model_validate({**letter, "service": name}) for letter in letters]
        if after is not None:
            return Page(data=found, next_cursor=f"{name}.{after}")
    return Page(data=found)


Letters = tuple[list[dict[str, Any]], str | None]
"""A page of dead letters and where the next one begins."""


async def _own(
    database: Database[GatewayWork], caller: Caller, limit: int, after: str | None, replayed: bool
) -> Letters:
    async with database.read() as view:
        page = await operations.list_dead_letters(caller, view, Cursor(limit, after), replayed)
    return [asdict(letter) for letter in page.data], page.next_cursor


async def _others(
    services: Services, name: str, caller: Caller, limit: int, after: str | None, replayed: bool
) -> Letters:
    query = {"limit": limit, "replayed": str(replayed).lower()} | ({"cursor": after} if after else {})
    answer = await services.ask(name, caller, "GET", f"/dead-letters?{urlencode(query)}")
    body = from_json(answer.content)
    if not answer.is_success:
        raise Problem(answer.status_code, body["code"], body["detail"])
    return body["data"], body["next_cursor"]


@router.get("/dead-letters/{service}/{letter_id}", dependencies=[needs("operator")], response_model=DeadLetterView)
async def show_dead_letter(
    service: AnyService,
    letter_id: str,
    request: Request,
    caller: CurrentCaller,
    services: CurrentServices,
    view: CurrentView,
) -> Response:
    if service == GATEWAY:
        return _shown(await operations.show_dead_letter(letter_id, caller, view))
    return relay(await call(Route("GET", "/dead-letters/{letter_id}", service, "read"), request, caller, services))


@router.post(
    "/dead-letters/{service}/{letter_id}/replay", dependencies=[needs("operator")], response_model=DeadLetterView
)
async def replay_dead_letter(
    service: AnyService, letter_id: str, request: Request, caller: CurrentCaller, services: CurrentServices
) -> Response:
    """Deliver it once more; what fails again is a dead letter again, with its new reason."""
    if service == GATEWAY:
        return _shown(await operations.replay_dead_letter(letter_id, caller, request))
    return relay(
        await call(Route("POST", "/dead-letters/{letter_id}/replay", service, "write"), request, caller, services)
    )


def _shown(letter: DeadLetter) -> Response:
    return Response(plain(letter), media_type="application/json")
