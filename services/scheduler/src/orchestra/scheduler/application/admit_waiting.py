"""Runs that wait for limits and mutexes go on, one after the other in a fair order."""

from orchestra.scheduler.application.admit import turns
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.recalculate import Transaction


async def admit_waiting(read: Transaction, begin: Transaction) -> bool:
    """True when something has gone out, so that there may be more."""
    async with read() as view:
        due = await turns(view)
    served = False
    for turn in due:
        async with begin() as work:
            await work.projects.hold(turn.run.workspace_id, turn.run.project_id)
            before = await work.runs.get(turn.run.id)
            after = await advance_run(work, before, "it is its turn", turn=turn.most)
            served |= after.waits_since != before.waits_since
    return served
