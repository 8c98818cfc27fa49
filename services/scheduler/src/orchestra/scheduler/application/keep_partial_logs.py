"""A command that was stopped because its task was cancelled has left a log: its task keeps it."""

from collections.abc import Sequence

from orchestra.contracts.execution import AttemptFailed
from orchestra.scheduler.application.ports import SchedulingWork


async def keep_partial_logs(work: SchedulingWork, events: Sequence[AttemptFailed]) -> None:
    """The task's state is not touched. The caller holds the projects."""
    known = await work.tasks.of_attempts([event.attempt_id for event in events])
    for event in events:
        dispatch, task = known[event.attempt_id]
        if event.evidence and task.status == "cancelled" and event.token == dispatch.token == task.token:
            told = {"class": event.failure, "reason": event.reason, "attempt": dispatch.number}
            await work.tasks.change([task.id], evidence=event.evidence.model_dump(mode="json"), last_failure=told)
