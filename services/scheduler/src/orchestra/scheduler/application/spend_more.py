"""There is more to spend: what waited for that goes on by itself."""

from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.suspensions import BudgetMet
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.checkpoint_ports import Raised
from orchestra.scheduler.application.checkpoints import close
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.suspend import go_on

RAISED = "the budget was raised"


async def spend_more(work: SchedulingWork, event: BudgetRaised) -> None:
    """Each waiting task goes on, and its checkpoint is withdrawn: there is nothing left to decide."""
    keys = {(each.task.workspace_id, each.task.project_id) for each in await work.checkpoints.of_budgets(event)}
    for key in sorted(keys):
        project = await work.projects.hold(*key)
        if project.archived_at is not None:
            continue
        resumed = [
            each.task for each in await work.checkpoints.of_budgets(event, key) if await _resume(work, each, event)
        ]
        await advance_runs_of(work, resumed, RAISED)


async def _resume(work: SchedulingWork, raised: Raised, event: BudgetRaised) -> bool:
    asks = raised.checkpoint.asks
    if not isinstance(asks, BudgetMet) or (asks.scope, asks.unit) != (event.scope, event.unit):
        return False
    await resume(work, raised, RAISED)
    return True


async def resume(work: SchedulingWork, raised: Raised, cause: str) -> None:
    """There is more: its task goes on, and the caller with its run."""
    await close(work, raised, "withdrawn", cause)
    await go_on(work, raised.task, cause)
