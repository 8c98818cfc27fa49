"""Time passes over checkpoints: nobody answers, so they are asked again; or it is too late for an answer.

Invariant: time approves nothing. A task whose checkpoint expires is not tried again and not passed over.
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
from orchestra.scheduler.domain.work.task import Task

MOST = 200
"""Checkpoints looked at in one round."""

EXPIRED = "nobody has answered its checkpoint in time"


async def watch_checkpoints(read: Transaction, begin: Transaction) -> bool:
    """Escalate and expire what is due, each once; True when there may be more."""
    async with read() as view:
        due = await view.checkpoints.due(view.now, MOST)
    tasks: defaultdict[Key, list[TaskId]] = defaultdict(list)
    for key, task_id in due:
        tasks[key].append(task_id)
    for key, mine in sorted(tasks.items()):
        async with begin() as work:
            await work.projects.hold(*key)
            ended = [task for raised in await work.checkpoints.open_of(mine) for task in await _meet(work, raised)]
            await advance_runs_of(work, ended, EXPIRED)
    return len(due) == MOST


async def _meet(work: SchedulingWork, raised: Raised) -> list[Task]:
    """The task, where it has failed with that."""
    checkpoint, task = raised.checkpoint, raised.task
    if checkpoint.due_at is None or checkpoint.due_at > work.now:
        return []
    if not checkpoint.expired(work.now):
        await escalate(work, raised)
        return []
    await close(work, raised, "expired", EXPIRED)
    if task.status != "waiting":
        return []
    await work.tasks.change([task.id], status="failed", ended_at=work.now)
    await tell(work, [moved(task, "failed", EXPIRED)])
    return [task]
