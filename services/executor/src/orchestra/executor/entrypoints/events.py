"""What the executor listens to."""

from collections.abc import Sequence

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn, RunChanged, TaskDispatched
from orchestra.executor.application.accept_dispatches import accept_dispatches
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.return_dispatch import return_dispatch
from orchestra.executor.application.withdraw_dispatch import withdraw_dispatch
from orchestra.executor.application.withdraw_run import withdraw_run

subscriptions = Subscriptions("executor")


@subscriptions.on_batch(TaskDispatched)
async def tasks_dispatched(events: Sequence[TaskDispatched], work: ExecutingWork) -> None:
    await accept_dispatches(work, events)


@subscriptions.on(DispatchWithdrawn)
async def dispatch_withdrawn(event: DispatchWithdrawn, work: ExecutingWork) -> None:
    await withdraw_dispatch(work, event)


@subscriptions.on(DispatchRecalled)
async def dispatch_recalled(event: DispatchRecalled, work: ExecutingWork) -> None:
    await return_dispatch(work, event)


@subscriptions.on(RunChanged)
async def run_changed(event: RunChanged, work: ExecutingWork) -> None:
    await withdraw_run(work, event)
