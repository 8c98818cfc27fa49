"""What every service answers about itself: alive, ready with named checks, and its dead letters."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from orchestra.chassis.findings import Finding
from orchestra.chassis.http.identity import CurrentCaller, Identify
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.dead_letters import DeadLetter, NoSuchDeadLetter, NotReplayable
from orchestra.chassis.messaging.replay import replay
from orchestra.chassis.messaging.transport import Check
from orchestra.chassis.readings import READINGS, Readings
from orchestra.chassis.telemetry.metrics import exposed

router = APIRouter()
internal = APIRouter(prefix="/dead-letters")

OPERATOR = "operator"
"""The grant to see and replay what failed: dead letters carry events of every workspace."""


@router.get("/livez", include_in_schema=False)
async def livez() -> Response:
    """The process answers; nothing else is asked."""
    return Response("ok", media_type="text/plain")


@router.get("/readyz", include_in_schema=False)
async def readyz(request: Request) -> JSONResponse:
    checks: Mapping[str, Check] = request.app.state.checks
    notes: Mapping[str, str] = request.app.state.notes
    reasons = await run_checks(checks)
    advisory: set[str] = request.app.state.advisory
    ready = all(reason is None or name in advisory for name, reason in reasons.items())
    report = {name: {"ok": reason is None, "reason": reason} for name, reason in reasons.items()}
    body = {"service": request.app.state.service, "ready": ready, "checks": report, "notes": dict(notes)}
    return JSONResponse(body, 200 if ready else 503)


async def for_operators(request: Request) -> None:
    """A service inside the network answers whoever reaches its port, as for /readyz; one that faces users does not."""
    if request.app.state.front:
        identify: Identify = request.app.state.identify
        _operator(await identify(request))


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(for_operators)])
async def measures(request: Request) -> Response:
    """Every measure of this process, for Prometheus. What a database knows is read now."""
    for readings in (*READINGS, request.app.state.readings):
        await readings.newest()
    return Response(exposed(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/findings", include_in_schema=False, dependencies=[Depends(for_operators)])
async def findings(request: Request) -> list[Finding]:
    """What is not well here, and what to do about it."""
    readings: Readings = request.app.state.readings
    return await readings.findings()


async def run_checks(checks: Mapping[str, Check]) -> dict[str, str | None]:
    """The reason of each check that fails, None for the others; a check that hangs fails."""

    async def run(check: Check) -> str | None:
        try:
            async with asyncio.timeout(8):
                return await check()
        except TimeoutError:
            return "no answer within 8 s"
        except Exception as error:  # noqa: BLE001 - whatever ails a check is its answer
            return f"{type(error).__name__}: {error}"

    outcomes = await asyncio.gather(*(run(check) for check in checks.values()))
    return dict(zip(checks, outcomes, strict=True))


def _operator(caller: CurrentCaller) -> None:
    if OPERATOR not in caller.grants:
        raise Problem(403, "not-granted", "this needs the grant `operator`")


@internal.get("")
async def list_dead_letters(
    caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor, replayed: bool = False
) -> Page[DeadLetter]:
    _operator(caller)
    letters = await dead_letters.page(view, limit=cursor.limit + 1, before=cursor.after, replayed=replayed)
    return cursor.page(letters, "id")


@internal.get("/{letter_id}")
async def show_dead_letter(letter_id: str, caller: CurrentCaller, view: CurrentView) -> DeadLetter:
    _operator(caller)
    return await dead_letters.find(view, letter_id)


@internal.post("/{letter_id}/replay")
async def replay_dead_letter(letter_id: str, caller: CurrentCaller, request: Request) -> DeadLetter:
    _operator(caller)
    state: Any = request.app.state
    return await replay(state.database, state.subscriptions, letter_id)


REFUSALS: dict[type[Exception], int] = {NoSuchDeadLetter: 404, NotReplayable: 409}
