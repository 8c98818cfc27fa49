"""Do a part of a run once more: the tasks that are named, and everything that comes after them.

Invariants: what is done again is as if it had never been done; what comes before it stays as it is; nothing that is
under way is touched. The run is open again, in its next epoch where it had ended; a paused one stays paused.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from orchestra.contracts.ids import RunId, TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import go_on
from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.changes import moved, moved_again, tell
from orchestra.scheduler.application.find_held import held_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.retry_task import keep_times
from orchestra.scheduler.domain.errors import (
    PlanAlreadyRuns,
    PlanSuperseded,
    RefusedTransition,
    TasksAtWork,
    UnknownTask,
)
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_OPEN
from orchestra.scheduler.domain.work.task import Task

MOST_NAMED = 5
"""Tasks that a refusal names."""


async def rerun(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, keys: Sequence[str], by: str) -> Run:
    """From the tasks with these keys on. What was skipped stays so, unless it is named.

    Raises UnknownTask, TasksAtWork where something of it is under way, RefusedTransition for a cancelled run,
    PlanSuperseded and PlanAlreadyRuns where another plan or run has taken its place.
    """
    run = await held_run(work, workspace_id, run_id)
    await _refuse_unless_it_stands(work, run)
    tasks = {task.id: task for task in await work.tasks.of_plan(run.plan_id)}
    named = _named(tasks.values(), keys)
    part = [tasks[task_id] for task_id in await _and_after(work, run, named) if task_id in tasks]
    again = [task for task in part if _is_done_again(task, named)]
    if at_work := [task.key for task in again if _is_at_work(task)]:
        raise TasksAtWork(*at_work[:MOST_NAMED])
    await withdraw(work, [task for task in again if task.status == "queued"], f"{by} has it done again")
    await work.tasks.reset([task.id for task in again], run.id)
    await keep_times(work, again)
    await work.gates.restart([task.id for task in part])
    released, held = await work.graph.settle(run.plan_id)
    ready, before = {task.id for task in released}, {task.id for task in again}
    cause = f"{by} has it done again from {', '.join(sorted(keys)[:MOST_NAMED])} on"
    await tell(
        work,
        [
            *(moved_again(task, "ready" if task.id in ready else "blocked", cause) for task in again),
            *(moved(task, "blocked", cause) for task in held if task.id not in before),
        ],
    )
    return run if run.status == "paused" else await go_on(work, run, cause)


async def _refuse_unless_it_stands(work: SchedulingWork, run: Run) -> None:
    key = (run.workspace_id, run.project_id)
    if run.status in ("cancelled", "accepted"):
        raise RefusedTransition(run.id, run.status, "running")
    newest = await work.plans.newest(*key)
    if newest is not None and newest.id != run.plan_id:
        raise PlanSuperseded(f"version {newest.version}", newest.id)
    if others := [each for each in await work.runs.unended(key) if each.id != run.id and each.status in RUN_OPEN]:
        raise PlanAlreadyRuns(others[0].id)


def _named(tasks: Iterable[Task], keys: Sequence[str]) -> set[TaskId]:
    by_key = {task.key: task.id for task in tasks}
    if unknown := [key for key in keys if key not in by_key]:
        raise UnknownTask(*unknown[:MOST_NAMED])
    return {by_key[key] for key in keys}


async def _and_after(work: SchedulingWork, run: Run, named: Iterable[TaskId]) -> list[TaskId]:
    """These and their successors, whatever kind of dependency binds them."""
    following: defaultdict[TaskId, list[TaskId]] = defaultdict(list)
    for edge in await work.graph.edges(run.workspace_id, run.project_id):
        following[edge.predecessor].append(edge.successor)
    found = dict.fromkeys(named)
    waiting = deque(found)
    while waiting:
        for successor in following[waiting.popleft()]:
            if successor not in found:
                found[successor] = None
                waiting.append(successor)
    return list(found)


def _is_done_again(task: Task, named: set[TaskId]) -> bool:
    if task.status == "skipped":
        return task.id in named
    return task.status not in ("blocked", "ready")


def _is_at_work(task: Task) -> bool:
    return task.status in ("running", "waiting") or (task.status == "in_review" and task.performed_at is None)
