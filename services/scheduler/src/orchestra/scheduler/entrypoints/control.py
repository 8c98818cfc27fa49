"""Control of runs and tasks by their verbs. A verb that asks for what already is changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints

from orchestra.chassis.http.commands import Command, CurrentCommand
from orchestra.chassis.http.etags import HonouredMatch, Match
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.cancel_run import cancel_run
from orchestra.scheduler.application.cancel_task import cancel_task
from orchestra.scheduler.application.pause_run import pause_run
from orchestra.scheduler.application.pause_task import pause_task
from orchestra.scheduler.application.rerun import rerun
from orchestra.scheduler.application.resume_run import resume_run
from orchestra.scheduler.application.resume_task import resume_task
from orchestra.scheduler.application.retry_run import retry_run
from orchestra.scheduler.application.retry_task import retry_task
from orchestra.scheduler.application.skip_task import skip_task
from orchestra.scheduler.entrypoints.shown import matched_run, run_view, said_of_task
from orchestra.scheduler.entrypoints.team import Strict
from orchestra.scheduler.entrypoints.views import RunView, TaskView

router = APIRouter()

Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]

Control = Callable[[SqlSchedulingWork, str, str, str], Awaitable[Any]]
"""In this workspace, this run or task, by this subject."""


@router.post("/runs/{run_id}/pause", response_model=RunView)
async def pause_this_run(run_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Begin nothing more of it; what has begun goes on to its end."""
    return await _control_run(command, match, run_id, pause_run)


@router.post("/runs/{run_id}/resume", response_model=RunView)
async def resume_this_run(run_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Go on with a paused run."""
    return await _control_run(command, match, run_id, resume_run)


@router.post("/runs/{run_id}/cancel", response_model=RunView)
async def cancel_this_run(run_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Cancel what has not ended; running commands are stopped."""
    return await _control_run(command, match, run_id, cancel_run)


@router.post("/runs/{run_id}/retry", response_model=RunView)
async def retry_this_run(run_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Try everything again that has failed; what is done stays done."""
    return await _control_run(command, match, run_id, retry_run)


class Rerun(Strict):
    model_config = ConfigDict(populate_by_name=True)

    from_: list[Key] = Field(alias="from", min_length=1, max_length=1000)
    """Keys of tasks in the plan."""


@router.post("/runs/{run_id}/rerun", response_model=RunView)
async def rerun_this_run(run_id: str, request: Rerun, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Do these tasks once more, and everything that comes after them; the run is open again."""
    keys = list(dict.fromkeys(request.from_))
    return await _control_run(command, match, run_id, lambda work, ws, run, by: rerun(work, ws, run, keys, by))


@router.post("/tasks/{task_id}/pause", response_model=TaskView)
async def pause_this_task(task_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Begin nothing more of it; what has begun goes on to its end."""
    return await _control_task(command, match, task_id, pause_task)


@router.post("/tasks/{task_id}/resume", response_model=TaskView)
async def resume_this_task(task_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Go on with a paused task."""
    return await _control_task(command, match, task_id, resume_task)


@router.post("/tasks/{task_id}/cancel", response_model=TaskView)
async def cancel_this_task(task_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Stop it. What comes after it waits until somebody retries or skips it."""
    return await _control_task(command, match, task_id, cancel_task)


@router.post("/tasks/{task_id}/retry", response_model=TaskView)
async def retry_this_task(task_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Try it again: one that has failed, was cancelled or waits for a decision."""
    return await _control_task(command, match, task_id, retry_task)


@router.post("/tasks/{task_id}/skip", response_model=TaskView)
async def skip_this_task(task_id: str, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Go on without it: what comes after it no longer waits for it."""
    return await _control_task(command, match, task_id, skip_task)


async def _control_run(command: Command, match: Match, run_id: str, control: Control) -> Response:
    workspace_id, by = command.caller.workspace_id, command.caller.subject

    async def effect(work: SqlSchedulingWork) -> RunView:
        await matched_run(work, match, workspace_id, run_id)
        await control(work, workspace_id, run_id, by)
        return await run_view(work, workspace_id, run_id)

    return await command.run(effect, tagged=True)


async def _control_task(command: Command, match: Match, task_id: str, control: Control) -> Response:
    by = command.caller.subject
    return await said_of_task(command, match, task_id, lambda work, ws: control(work, ws, task_id, by))
