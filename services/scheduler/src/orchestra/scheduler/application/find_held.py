"""What a command is about, with its project held: it stays as it is found until the transaction ends."""

from collections.abc import Iterable, Sequence

from orchestra.contracts.ids import PlanId, RunId, TaskId, WorkspaceId
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import PlanAlreadyRuns, PlanSuperseded, RefusedTransition, UnknownTask
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_OPEN, RUN_OVER
from orchestra.scheduler.domain.work.task import Task

MOST_NAMED = 5
"""Tasks that a refusal names."""


async def held_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId) -> Run:
    """Raises UnknownRun."""
    found = await work.runs.find(workspace_id, run_id)
    await work.projects.hold(workspace_id, found.project_id)
    return await work.runs.find(workspace_id, run_id)


async def held_task(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId) -> Task:
    """The task, its project held, so that nobody else changes it before this transaction ends. Raises UnknownTask."""
    found = await work.tasks.find(workspace_id, task_id)
    await work.projects.hold(workspace_id, found.project_id)
    return await work.tasks.find(workspace_id, task_id)


async def task_in_run(work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId) -> tuple[Task, Run | None]:
    """The task and its run, if it is in one. Raises UnknownTask."""
    task = await held_task(work, workspace_id, task_id)
    return task, await work.runs.get(task.run_id) if task.run_id else None


def named_by(keys: Sequence[str], tasks: Iterable[Task]) -> set[TaskId]:
    """Those of the tasks that have these keys. Raises UnknownTask."""
    by_key = {task.key: task.id for task in tasks}
    if unknown := [key for key in keys if key not in by_key]:
        raise UnknownTask(*unknown[:MOST_NAMED])
    return {by_key[key] for key in keys}


async def refuse_unless_newest(work: SchedulingWork, key: Key, plan_id: PlanId) -> None:
    """Raises PlanSuperseded where a newer plan of the project stands."""
    newest = await work.plans.newest(*key)
    if newest is not None and newest.id != plan_id:
        raise PlanSuperseded(f"version {newest.version}", newest.id)


async def refuse_beside_another(work: SchedulingWork, key: Key, run_id: RunId | None = None) -> None:
    """Raises PlanAlreadyRuns where a run of the project is open, other than this one."""
    others = [run for run in await work.runs.unended(key) if run.status in RUN_OPEN and run.id != run_id]
    if others:
        raise PlanAlreadyRuns(others[0].id)


def refuse_when_over(run: Run | None) -> None:
    """Raises RefusedTransition where nothing of the run can be decided any more."""
    if run is not None and run.status in RUN_OVER:
        raise RefusedTransition(run.id, run.status, "running")
