"""Time passes: timers end, deadlines take effect.

An outcome that arrives at the same moment waits for the project's row, or is waited for: whoever comes second finds the
task ended or its attempt withdrawn, and changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.cancel_run import end_by_cancelling
from orchestra.scheduler.application.changes import Move, moved, tell
from orchestra.scheduler.application.end_work import by_project
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.recalculate import Transaction
from orchestra.scheduler.application.timers import end_timers
from orchestra.scheduler.domain.work.status import RUN_OPEN
from orchestra.scheduler.domain.work.task import Task

MOST = 200
"""Tasks, and runs, of one round."""


async def keep_time(read: Transaction, begin: Transaction) -> bool:
    """End what is over, each once; True when there may be more."""
    async with read() as view:
        tasks = [*await view.times.over(MOST), *await view.times.expired(MOST)]
        runs = await view.times.expired_runs(MOST)
    for run in runs:
        async with begin() as work:
            await work.projects.hold(run.workspace_id, run.project_id)
            held = await work.runs.get(run.id)
            if held.status in RUN_OPEN and held.deadline is not None and held.deadline <= work.now:
                await end_by_cancelling(work, held, passed(held.deadline))
    for key, mine in by_project(tasks).items():
        ids = [task.id for task in mine]
        async with begin() as work:
            await work.projects.hold(*key)
            over, expired = await work.times.over(MOST, ids), await work.times.expired(MOST, ids)
            if over:
                await end_timers(work, over)
            await _fail(work, expired)
            await advance_runs_of(work, [*over, *expired], "time has passed")
    return len(tasks) >= MOST or len(runs) == MOST


async def _fail(work: SchedulingWork, expired: Sequence[Task]) -> None:
    """What has not begun is not begun, what is under way is withdrawn. Only a person has such a task tried again."""
    if not expired:
        return
    under_way = [task for task in expired if task.status in ("queued", "running") and task.attempt_id]
    await withdraw(work, under_way, "its deadline has passed")
    moves: list[Move] = []
    for task in expired:
        reason = passed(task.expires_at)
        moves.append(moved(task, "failed", reason))
        failure = {"class": "deadline", "reason": reason, "attempt": task.attempts}
        ended = {"ended_at": work.now, "not_before": None, "paused_by": None, "last_failure": failure}
        await work.tasks.change([task.id], status="failed", **ended)
    await tell(work, moves)


def passed(deadline: datetime | None) -> str:
    return f"its deadline, {deadline:%Y-%m-%d %H:%M:%S} UTC, has passed"
