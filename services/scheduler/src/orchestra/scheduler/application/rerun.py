"""Do a part of a run once more: the tasks that are named, and everything that comes after them.

Invariants: what is done again is as if it had never been done; what comes before it stays as it is; nothing that is
under way is touched. The run is open again, in its next epoch where it had ended; a paused one stays paused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.contracts.ids import RunId, TaskId, WorkspaceId
from orchestra.scheduler.application.advance_run import go_on
from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.changes import moved, moved_again, tell
from orchestra.scheduler.application.find_held import (
    MOST_NAMED,
    held_run,
    named_by,
    refuse_beside_another,
    refuse_unless_newest,
)
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.retry_task import ANEW, keep_times
from orchestra.scheduler.domain.errors import RefusedTransition, TasksAtWork
from orchestra.scheduler.domain.work.graph import with_all_after
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

_UNDONE: Mapping[str, Any] = {
    **ANEW,
    **dict.fromkeys(("attempt_id", "performed_at", "ends_at", "outputs", "evidence", "last_failure", "adopted_from")),
    "dialogue": None,
}
"""What is written of a task as if it had never been done; how often it was tried stays."""


async def rerun(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, keys: Sequence[str], by: str) -> Run:
    """From the tasks with these keys on. What was skipped stays so, unless it is named.

    Raises UnknownTask, TasksAtWork where something of it is under way, RefusedTransition for a cancelled run,
    PlanSuperseded and PlanAlreadyRuns where another plan or run has taken its place.
    """
    run = await held_run(work, workspace_id, run_id)
    if run.status in ("cancelled", "accepted"):
        raise RefusedTransition(run.id, run.status, "running")
    key = (run.workspace_id, run.project_id)
    await refuse_unless_newest(work, key, run.plan_id)
    await refuse_beside_another(work, key, run.id)
    tasks = {task.id: task for task in await work.tasks.of_plan(run.plan_id)}
    named = named_by(keys, tasks.values())
    edges = ((edge.predecessor, edge.successor) for edge in await work.graph.edges(*key))
    part = [tasks[task_id] for task_id in with_all_after(named, edges) if task_id in tasks]
    again = [task for task in part if _is_done_again(task, named)]
    if at_work := [task.key for task in again if _is_at_work(task)]:
        raise TasksAtWork(*at_work[:MOST_NAMED])
    await withdraw(work, [task for task in again if task.status == "queued"], f"{by} has it done again")
    await work.tasks.change([task.id for task in again], status="blocked", run_id=run.id, **_UNDONE)
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


def _is_done_again(task: Task, named: set[TaskId]) -> bool:
    if task.status == "skipped":
        return task.id in named
    return task.status not in ("blocked", "ready")


def _is_at_work(task: Task) -> bool:
    return task.status in ("running", "waiting") or (task.status == "in_review" and task.performed_at is None)
