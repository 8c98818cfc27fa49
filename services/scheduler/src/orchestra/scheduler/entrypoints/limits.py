"""Limits of a workspace and the mutexes of its commands."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, model_validator

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.contracts.ids import WorkspaceId
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.set_limit import remove_limit, set_limit
from orchestra.scheduler.domain.work.limits import Limit, LimitScope, Mutex, Use
from orchestra.scheduler.entrypoints.team import Strict

router = APIRouter(tags=["limits"])

Name = Annotated[str, Path(min_length=1, max_length=100)]


class Rate(Strict):
    starts: int = Field(ge=1, le=100_000)
    seconds: int = Field(ge=1, le=86_400)


class LimitRequest(Strict):
    concurrency: int | None = Field(default=None, ge=0, le=100_000)
    """Commands in flight at a time; 0: none goes out."""
    rate: Rate | None = None
    """So many starts in any so many seconds."""

    @model_validator(mode="after")
    def limits_something(self) -> "LimitRequest":
        if self.concurrency is None and self.rate is None:
            raise ValueError("give concurrency, rate or both")
        return self


class LimitView(BaseModel):
    scope: LimitScope
    name: str
    """`all`, a project's id, or a role."""
    concurrency: int | None
    rate: Rate | None
    in_flight: int
    started: int
    """In the last `rate.seconds`."""
    next_at: datetime | None
    """When one more may start, where all starts are used up."""


class Limits(BaseModel):
    data: list[LimitView]


class MutexView(BaseModel):
    name: str
    token: int
    """How often it was taken: the fencing token of whoever has it, or had it last."""
    attempt_id: str | None
    task_id: str | None
    task_key: str | None
    since: datetime | None


class Mutexes(BaseModel):
    data: list[MutexView]


@router.get("/limits")
async def list_limits(caller: CurrentCaller, view: CurrentView) -> Limits:
    """The workspace's limits, and what of each is used."""
    return Limits(data=[_shown(use) for use in await view.limits.uses(caller.workspace_id)])


@router.put("/limits/{scope}/{name}", response_model=LimitView)
async def put_limit(scope: LimitScope, name: Name, request: LimitRequest, command: CurrentCommand) -> Response:
    """Set a limit: of the `workspace` (by the name `all`), of a `project` (by its id), of a `pool` (by a role).

    What is in flight beyond it goes on to its end.
    """
    workspace_id, rate = command.caller.workspace_id, request.rate
    limit = Limit(scope, name, request.concurrency, rate.starts if rate else None, rate.seconds if rate else None)

    async def effect(work: SqlSchedulingWork) -> LimitView:
        await set_limit(work, workspace_id, limit)
        return await _one(work, workspace_id, scope, name)

    return await command.run(effect)


@router.delete("/limits/{scope}/{name}", status_code=204)
async def delete_limit(scope: LimitScope, name: Name, command: CurrentCommand) -> Response:
    """Take a limit away: what waited for it goes on."""

    async def effect(work: SqlSchedulingWork) -> None:
        await remove_limit(work, command.caller.workspace_id, scope, name)

    return await command.run(effect, status=204)


@router.get("/mutexes")
async def list_mutexes(caller: CurrentCaller, view: CurrentView) -> Mutexes:
    """Every mutex that a command of the workspace has or has had."""
    return Mutexes(data=[_mutex(each) for each in await view.limits.mutexes(caller.workspace_id)])


async def _one(work: SqlSchedulingWork, workspace_id: WorkspaceId, scope: LimitScope, name: str) -> LimitView:
    uses = await work.limits.uses(workspace_id)
    return next(_shown(use) for use in uses if (use.limit.scope, use.limit.name) == (scope, name))


def _shown(use: Use) -> LimitView:
    limit = use.limit
    rate = Rate(starts=limit.starts, seconds=limit.seconds) if limit.starts and limit.seconds else None
    used_up = rate is not None and use.started >= rate.starts
    return LimitView(
        scope=limit.scope,
        name=limit.name,
        concurrency=limit.concurrency,
        rate=rate,
        in_flight=use.in_flight,
        started=use.started,
        next_at=use.next_at if used_up else None,
    )


def _mutex(mutex: Mutex) -> MutexView:
    return MutexView(
        name=mutex.name,
        token=mutex.token,
        attempt_id=mutex.attempt_id,
        task_id=mutex.task_id,
        task_key=mutex.task_key,
        since=mutex.since,
    )
