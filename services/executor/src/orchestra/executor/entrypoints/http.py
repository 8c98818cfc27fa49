"""Attempts and the policy over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.journal_ports import ToolCalls, ToolCallView
from orchestra.executor.application.attempts import AttemptView, ExecutingWork
from orchestra.executor.application.check_commands import CommandRefusal, Wanted, check_commands
from orchestra.executor.domain.errors import NoLog, UnknownAttempt
from orchestra.executor.domain.policy import Limits
from orchestra.executor.entrypoints.artifacts import content
from orchestra.executor.entrypoints.desk import desk_of

router = APIRouter()


class CommandToCheck(BaseModel):
    model_config = ConfigDict(extra="forbid")

    argv: list[str] = []
    tools: list[str] = []
    hosts: list[str] = []
    agent: bool = False
    """An agent does it: it has no `argv`, and `tools` are the programs that it may run."""


class CommandsToCheck(BaseModel):
    model_config = ConfigDict(extra="forbid")

    commands: Annotated[list[CommandToCheck], Field(max_length=100_000)]


class Refusals(BaseModel):
    refusals: list[CommandRefusal]


class PolicyView(BaseModel):
    tools: list[str]
    hosts: list[str]
    limits: Limits
    min_level: str
    level: str
    """How well commands are confined here, as proven at the start."""
    cgroups: str
    """Whether the kernel keeps limits for all of a command's processes together: `v1`, `v2`, or none and why."""


@router.get("/attempts")
async def list_attempts(
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    run_id: Annotated[str | None, Query(max_length=64)] = None,
    task_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[AttemptView]:
    work: ExecutingWork = view
    attempts = await work.attempts.page(
        caller.workspace_id, run_id=run_id, task_id=task_id, after=cursor.after, limit=cursor.limit + 1
    )
    return cursor.page(attempts, "id")


@router.get("/attempts/{attempt_id}")
async def show_attempt(attempt_id: str, caller: CurrentCaller, view: CurrentView) -> AttemptView:
    return await _find(view, caller.workspace_id, attempt_id)


@router.get("/attempts/{attempt_id}/log", response_class=PlainTextResponse)
async def show_log(
    attempt_id: str, request: Request, caller: CurrentCaller, offset: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Response:
    """What the command printed, on both channels, once it has ended; `offset` leaves so many bytes out."""
    database: Database[ExecutorWork] = request.app.state.database
    async with database.read() as view:
        attempt = await _find(view, caller.workspace_id, attempt_id)
    if attempt.evidence is None or attempt.evidence.log is None:
        raise NoLog(attempt_id)
    log = attempt.evidence.log
    return await content(desk_of(request).artifacts, log.sha256, "text/plain; charset=utf-8", offset)


@router.get("/attempts/{attempt_id}/tool-calls")
async def list_tool_calls(
    attempt_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[ToolCallView]:
    """What its agent wanted to do, what was decided about it, and what came of it; the oldest first."""
    await _find(view, caller.workspace_id, attempt_id)
    calls: ToolCalls = view.tool_calls
    found = await calls.page(caller.workspace_id, attempt_id, after=cursor.after, limit=cursor.limit + 1)
    return cursor.page(found, "id")


async def _find(view: ExecutingWork, workspace_id: WorkspaceId, attempt_id: str) -> AttemptView:
    attempt = await view.attempts.find(workspace_id, attempt_id)
    if attempt is None:
        raise UnknownAttempt(attempt_id)
    return attempt


@router.get("/policy")
async def show_policy(request: Request, caller: CurrentCaller) -> PolicyView:
    del caller  # known is enough: the policy is the same for all
    desk = desk_of(request)
    return PolicyView(
        tools=sorted(desk.policy.tools),
        hosts=list(desk.policy.hosts),
        limits=desk.policy.limits,
        min_level=desk.policy.min_level.name,
        level=desk.sandbox.level.name,
        cgroups=str(desk.sandbox.grouping),
    )


@router.post("/policy/check")
async def check_policy(body: CommandsToCheck, request: Request, caller: CurrentCaller) -> Refusals:
    """Which of the commands would be refused, and why; nothing is run and nothing kept."""
    del caller
    desk = desk_of(request)
    wanted = [Wanted(command.argv, command.tools, command.hosts, command.agent) for command in body.commands]
    return Refusals(refusals=check_commands(desk.policy, desk.sandbox.level, wanted))
