"""Time passes over checkpoints: a new budget has begun; or nobody answers, so they are asked again; or it is too late.

Invariant: time approves nothing. A task whose checkpoint expires is not tried again and not passed over; one that
waited for the budget of a day or month goes on with that of the next, which holds it as the old one did.
"""

from collections import defaultdict

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.checkpoint_ports import Raised
from orchestra.scheduler.application.checkpoints import close, escalate
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.recalculate import Transaction
from orchestra.scheduler.application.spend_more import resume
from orchestra.scheduler.domain.work.task import Task

MOST = 200
"""Checkpoints looked at in one round."""

EXPIRED = "nobody has answered its checkpoint in time"
RENEWED = "the budget's next period has begun"


async def watch_checkpoints(read: Transaction, begin: Transaction) -> bool:
    """Have what is due go on, be asked again or expire, each once; True when there may be more."""
    async with read() as view:
        due = await view.checkpoints.due(view.now, MOST)
    tasks: defaultdict[Key, list[TaskId]] = defaultdict(list)
    for key, task_id in due:
        tasks[key].append(task_id)
    for key, mine in sorted(tasks.items()):
        async with begin() as work:
            await work.projects.hold(*key)
            moved_on: defaultdict[str, list[Task]] = defaultdict(list)
            for raised in await work.checkpoints.open_of(mine):
                if cause := await _meet(work, raised):
                    moved_on[cause].append(raised.task)
            for cause, moved_tasks in moved_on.items():
                await advance_runs_of(work, moved_tasks, cause)
    return len(due) == MOST


async def _meet(work: SchedulingWork, raised: Raised) -> str | None:
    """Why its task has moved, where it has."""
    checkpoint, task = raised.checkpoint, raised.task
    if checkpoint.due_at is None or checkpoint.due_at > work.now:
        return None
    if checkpoint.renewed(work.now):
        await resume(work, raised, RENEWED)
        return RENEWED
    if not checkpoint.expired(work.now):
        await escalate(work, raised)
        return None
    await close(work, raised, "expired", EXPIRED)
    if task.status != "waiting":
        return None
    await work.tasks.change([task.id], status="failed", ended_at=work.now)
    await tell(work, [moved(task, "failed", EXPIRED)])
    return EXPIRED
