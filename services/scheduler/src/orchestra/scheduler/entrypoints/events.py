"""What the scheduler listens to."""

from collections.abc import Sequence

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.execution import (
    AttemptFailed,
    AttemptReturned,
    AttemptStarted,
    AttemptSucceeded,
    AttemptSuspended,
)
from orchestra.contracts.planning import TasksDecomposed
from orchestra.scheduler.adapters.succeed_plainly import succeed_plainly
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import record_outcomes
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.record_returns import record_returns
from orchestra.scheduler.application.spend_more import spend_more
from orchestra.scheduler.application.suspend import record_suspensions

subscriptions = Subscriptions("scheduler")


@subscriptions.on(TasksDecomposed)
async def tasks_decomposed(event: TasksDecomposed, work: SqlSchedulingWork) -> None:
    await apply_plan(work, event)


@subscriptions.on_batch(AttemptStarted)
async def attempts_started(events: Sequence[AttemptStarted], work: SqlSchedulingWork) -> None:
    await record_outcomes.record_starts(work, events)


@subscriptions.on_batch(AttemptReturned)
async def attempts_returned(events: Sequence[AttemptReturned], work: SqlSchedulingWork) -> None:
    await record_returns(work, events)


@subscriptions.on_batch(AttemptSucceeded, plain=succeed_plainly)
async def attempts_succeeded(events: Sequence[AttemptSucceeded], work: SqlSchedulingWork) -> None:
    await record_outcomes.record_successes(work, events)


@subscriptions.on_batch(AttemptFailed)
async def attempts_failed(events: Sequence[AttemptFailed], work: SqlSchedulingWork) -> None:
    await record_outcomes.record_failures(work, events)


@subscriptions.on_batch(AttemptSuspended)
async def attempts_suspended(events: Sequence[AttemptSuspended], work: SqlSchedulingWork) -> None:
    await record_suspensions(work, events)


@subscriptions.on(BudgetRaised)
async def budget_raised(event: BudgetRaised, work: SqlSchedulingWork) -> None:
    await spend_more(work, event)
