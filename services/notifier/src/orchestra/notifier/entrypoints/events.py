"""What the notifier listens to."""

from datetime import datetime

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.budgets import BudgetExhausted, BudgetRaised, BudgetWarned
from orchestra.contracts.checkpoints import CheckpointRaised, CheckpointResolved
from orchestra.contracts.scheduling import RunChanged, TasksChanged
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.announce import announce
from orchestra.notifier.domain import notice

subscriptions = Subscriptions("notifier")


@subscriptions.on(RunChanged)
async def run_changed(event: RunChanged, work: NotifyingWork) -> None:
    await announce(work, notice.of_run(event, _at(work)))


@subscriptions.on(TasksChanged)
async def tasks_changed(event: TasksChanged, work: NotifyingWork) -> None:
    await announce(work, notice.of_tasks(event))


@subscriptions.on(CheckpointRaised)
async def checkpoint_raised(event: CheckpointRaised, work: NotifyingWork) -> None:
    await announce(work, notice.of_checkpoint(event, _at(work)))


@subscriptions.on(CheckpointResolved)
async def checkpoint_resolved(event: CheckpointResolved, work: NotifyingWork) -> None:
    await announce(work, notice.of_checkpoint(event, _at(work)))


@subscriptions.on(BudgetWarned)
async def budget_warned(event: BudgetWarned, work: NotifyingWork) -> None:
    await announce(work, notice.of_budget(event, _fact(work)))


@subscriptions.on(BudgetExhausted)
async def budget_exhausted(event: BudgetExhausted, work: NotifyingWork) -> None:
    await announce(work, notice.of_budget(event, _fact(work)))


@subscriptions.on(BudgetRaised)
async def budget_raised(event: BudgetRaised, work: NotifyingWork) -> None:
    await announce(work, notice.of_budget(event, _fact(work)))


def _fact(work: NotifyingWork) -> str:
    """The event's own id: a budget may be warned of again, once its limit has changed."""
    assert work.cause is not None
    return work.cause.id


def _at(work: NotifyingWork) -> datetime:
    """When it was published."""
    return work.cause.cloud.time if work.cause else work.now
