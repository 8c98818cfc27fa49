"""Cancel a run: what has not ended is cancelled. Its executors hear it from the run itself.

The run is over at once, and with it what has begun. Of what has not begun there may be a hundred thousand tasks: those
beyond the first are cancelled by a loop, so many in a transaction.

Invariant: a run says that tasks are left (`leftover`) from the transaction that cancels it to the one that cancels the
last of them. Nothing is given out of a run that is over, and a newer plan finds none of them open.
"""

from collections.abc import Sequence

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.application.admit import free_mutexes_later
from orchestra.scheduler.application.advance_run import change_run, totals_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.checkpoints import settle_checkpoints
from orchestra.scheduler.application.find_held import held_run
from orchestra.scheduler.application.ports import Key, SchedulingWork
from orchestra.scheduler.application.recalculate import Transaction
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import OPEN, move_run
from orchestra.scheduler.domain.work.task import Task

AT_A_TIME = 1_000
"""Tasks that have not begun, in one transaction."""

CANCELLING = "cancelling"
"""What the loop is woken by."""

_NOT_BEGUN: frozenset[TaskStatus] = frozenset({"blocked", "ready"})


async def cancel_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """A run that is over is refused; cancelling a cancelled one again changes nothing.

    One RunChanged says it all: it beats whatever was dispatched, in whichever order they arrive.
    """
    run = await held_run(work, workspace_id, run_id)
    if run.status == "cancelled":
        return run
    return await end_by_cancelling(work, run, f"the run was cancelled by {by}")


async def end_by_cancelling(work: SchedulingWork, run: Run, reason: str) -> Run:
    """The caller holds the project. Raises RefusedTransition."""
    move_run(run.id, run.status, "cancelled", run.epoch)
    begun = await work.tasks.of_run(run.id, OPEN - _NOT_BEGUN)
    await _cancel(work, begun, reason)
    dispatched = [task for task in begun if task.status in ("queued", "running") and task.attempt_id]
    work.dispatches.end([task.attempt_id or "" for task in dispatched], "withdrawn")
    await free_mutexes_later(work, dispatched)
    if await _cancel_some(work, run, reason):
        await work.runs.set_leftover(run.id, True)
        work.wake(CANCELLING)
    totals = await totals_of(work, run)
    totals["cancelled"] += sum(totals.pop(status, 0) for status in _NOT_BEGUN)
    after = await change_run(work, run, "cancelled", reason, totals)
    await settle_checkpoints(work, (run.workspace_id, run.project_id), reason)
    return after


async def go_on_cancelling(read: Transaction, begin: Transaction) -> bool:
    """Cancel the next tasks of each run that was cancelled and has some left; True when there was one."""
    async with read() as view:
        runs = await view.runs.with_leftover(20)
    for run in runs:
        async with begin() as work:
            held = await held_run(work, run.workspace_id, run.id)
            await work.runs.set_leftover(run.id, await _cancel_some(work, held, held.cause))
    return bool(runs)


async def finish_cancelling(work: SchedulingWork, key: Key) -> None:
    """The same to its end, for whoever is about to decide what becomes of the project's tasks and holds it."""
    for run in await work.runs.with_leftover_in(key):
        while await _cancel_some(work, run, run.cause):
            pass
        await work.runs.set_leftover(run.id, False)


async def _cancel_some(work: SchedulingWork, run: Run, reason: str) -> bool:
    """Cancel the next tasks of those that have not begun; True when there may be more."""
    tasks = await work.tasks.of_run(run.id, _NOT_BEGUN, limit=AT_A_TIME)
    await _cancel(work, tasks, reason)
    return len(tasks) == AT_A_TIME


async def _cancel(work: SchedulingWork, tasks: Sequence[Task], reason: str) -> None:
    if tasks:
        await work.tasks.change([task.id for task in tasks], status="cancelled", ended_at=work.now, paused_by=None)
        await tell(work, [moved(task, "cancelled", reason) for task in tasks])
