"""The safety net: find what should have gone on and did not. In a healthy system it finds nothing."""

from collections import defaultdict
from datetime import timedelta

from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.application.advance_run import advance_run, advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.checkpoints import ask_for
from orchestra.scheduler.application.dispatch import send_again
from orchestra.scheduler.application.end_work import by_project, count_down, end_held
from orchestra.scheduler.application.recalculate import Transaction
from orchestra.scheduler.domain.work.task import Task

MOST_RUNS = 50

SILENCE = timedelta(seconds=60)
"""After which a dispatch that nobody was heard of is sent again; the executor takes each attempt once."""


async def advance_due(read: Transaction, begin: Transaction) -> bool:
    """Go on with runs whose time has come, and with those of ready tasks whose start or pause is over, each once."""
    async with read() as view:
        due = [await view.runs.get(run_id) for run_id in await view.runs.to_look_at(MOST_RUNS)]
    for run in due:
        async with begin() as work:
            await work.projects.hold(run.workspace_id, run.project_id)
            await work.times.come(run.id)
            await advance_run(work, await work.runs.get(run.id), "its time has come")
    return len(due) == MOST_RUNS


async def reconcile(read: Transaction, begin: Transaction) -> int:
    """Release forgotten tasks, send silent dispatches again; returns how many there were."""
    mended = await _mend_gates(read, begin)
    async with read() as view:
        forgotten = await view.tasks.forgotten(500)
        silent = await view.dispatches.silent(view.now - SILENCE, 500)
        overdue = await view.projects.overdue(50)
        dead_hands = await view.limits.forgotten(500)
    by_run: defaultdict[tuple[str, str, str], list[Task]] = defaultdict(list)
    for task in forgotten:
        by_run[task.workspace_id, task.project_id, task.run_id or ""].append(task)
    for (workspace_id, project_id, run_id), tasks in sorted(by_run.items()):
        async with begin() as work:
            await work.projects.hold(workspace_id, project_id)
            run = await work.runs.get(run_id)
            still = {task.id for task in await work.tasks.of_run(run_id, _BLOCKED)}
            tasks = [task for task in tasks if task.id in still]
            await work.tasks.change([task.id for task in tasks], status="ready")
            await tell(work, [moved(task, "ready", "found by the reconciler") for task in tasks])
            await advance_run(work, run, "found by the reconciler")
    for dispatch, task in silent:
        async with begin() as work:
            await work.projects.hold(task.workspace_id, task.project_id)
            held, task = (await work.tasks.of_attempts([dispatch.attempt_id]))[dispatch.attempt_id]
            if not held.open or task.token != dispatch.token:
                continue
            await send_again(work, dispatch, task)
    if dead_hands:
        async with begin() as work:
            await work.limits.free(dead_hands)
    if overdue:
        async with begin() as work:
            work.projects.mark_stale(overdue, "a planned end has passed")
            work.wake("recalculation")
    return mended + len(forgotten) + len(silent) + len(dead_hands) + await _ask_for_decisions(read, begin)


async def _mend_gates(read: Transaction, begin: Transaction) -> int:
    """Count lags that nobody counts, end tasks whose end nobody holds back any more."""
    async with read() as view:
        uncounted = await view.gates.uncounted(500)
        ends = await view.gates.forgotten_ends(500)
    for key in sorted({lag.key for lag in uncounted}):
        async with begin() as work:
            await work.projects.hold(*key)
            mine = [lag.edge.predecessor for lag in uncounted if lag.key == key]
            await count_down(work, await work.gates.lags(mine))
    for key, tasks in by_project(ends).items():
        async with begin() as work:
            await work.projects.hold(*key)
            ended = await end_held(work, [task.id for task in tasks], "found by the reconciler")
            await advance_runs_of(work, ended, "found by the reconciler")
    return len(uncounted) + len(ends)


async def _ask_for_decisions(read: Transaction, begin: Transaction) -> int:
    """Raise the checkpoints that nobody raised, such as those of tasks that failed under an older version of this."""
    async with read() as view:
        unasked = await view.checkpoints.unasked(500)
    for key, tasks in by_project(unasked).items():
        async with begin() as work:
            await work.projects.hold(*key)
            await ask_for(work, [task.id for task in tasks], "found by the reconciler")
    return len(unasked)


_BLOCKED: tuple[TaskStatus, ...] = ("blocked",)
