"""What the notifier listens to."""

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.scheduling import RunChanged, TasksChanged
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.announce import announce
from orchestra.notifier.domain import notice

subscriptions = Subscriptions("notifier")


@subscriptions.on(RunChanged)
async def run_changed(event: RunChanged, work: NotifyingWork) -> None:
    await announce(work, notice.of_run(event, work.cause.cloud.time if work.cause else work.now))


@subscriptions.on(TasksChanged)
async def tasks_changed(event: TasksChanged, work: NotifyingWork) -> None:
    await announce(work, notice.of_tasks(event))
