"""What the executor listens to."""

from collections.abc import Sequence
from typing import cast

from orchestra.chassis.messaging.message import Envelope
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.models import ModelCallCancelled, ModelCallRequested
from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn, RunChanged, TaskDispatched
from orchestra.executor.application.accept_dispatches import accept_dispatches, accept_plainly
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.calls.accept_call import accept_call, cancel_call
from orchestra.executor.application.calls.ports import CallingWork
from orchestra.executor.application.return_dispatch import return_dispatch
from orchestra.executor.application.withdraw_dispatch import withdraw_dispatch
from orchestra.executor.application.withdraw_run import withdraw_run

subscriptions = Subscriptions("executor")


async def task_dispatched(envelope: Envelope, work: ExecutingWork) -> bool:
    return await accept_plainly(work, cast(TaskDispatched, envelope.event), envelope.cloud.traceparent)


@subscriptions.on_batch(TaskDispatched, plain=task_dispatched)
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


@subscriptions.on(ModelCallRequested)
async def model_call_requested(event: ModelCallRequested, work: CallingWork) -> None:
    await accept_call(work, event)


@subscriptions.on(ModelCallCancelled)
async def model_call_cancelled(event: ModelCallCancelled, work: CallingWork) -> None:
    await cancel_call(work, event)
