"""What commands show of a run and a task, and the conditions under which they are meant."""

from collections.abc import Awaitable, Callable

from fastapi import Response

from orchestra.chassis.http.commands import Command
from orchestra.chassis.http.etags import Match
from orchestra.scheduler.adapters.queries import Queries
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.entrypoints.views import RunView, TaskView


async def run_view(work: SqlSchedulingWork, workspace_id: str, run_id: str) -> RunView:
    return RunView(**await Queries(work, workspace_id).run(run_id))


async def task_view(work: SqlSchedulingWork, workspace_id: str, task_id: str) -> TaskView:
    return TaskView(**await Queries(work, workspace_id).task(task_id))


async def matched_run(work: SqlSchedulingWork, match: Match, workspace_id: str, run_id: str) -> None:
    """The run is what the caller believes; its project is held, so that it stays so. Raises Problem 412."""
    if match:
        run = await work.runs.find(workspace_id, run_id)
        await work.projects.hold(workspace_id, run.project_id)
        match.check(await run_view(work, workspace_id, run_id))


async def matched_task(work: SqlSchedulingWork, match: Match, workspace_id: str, task_id: str) -> None:
    """The same of a task."""
    if match:
        task = await work.tasks.find(workspace_id, task_id)
        await work.projects.hold(workspace_id, task.project_id)
        match.check(await task_view(work, workspace_id, task_id))


async def said_of_task(
    command: Command,
    match: Match,
    task_id: str,
    speak: Callable[[SqlSchedulingWork, str], Awaitable[object]],
) -> Response:
    """What somebody says of a task in this workspace, where the task still is what they believe; and the task then."""
    workspace_id = command.caller.workspace_id

    async def effect(work: SqlSchedulingWork) -> TaskView:
        await matched_task(work, match, workspace_id, task_id)
        await speak(work, workspace_id)
        return await task_view(work, workspace_id, task_id)

    return await command.run(effect, tagged=True)
