"""A command that was stopped because its task was cancelled or expired has left a log: its task keeps it."""

from collections.abc import Sequence
from typing import Any

from orchestra.contracts.execution import AttemptFailed
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.application.ports import SchedulingWork

_STOPPED: tuple[TaskStatus, ...] = ("cancelled", "failed")


async def keep_partial_logs(work: SchedulingWork, events: Sequence[AttemptFailed]) -> None:
    """The task's state is not touched. The caller holds the projects."""
    known = await work.tasks.of_attempts([event.attempt_id for event in events])
    for event in events:
        dispatch, task = known[event.attempt_id]
        if event.evidence and task.status in _STOPPED and event.token == dispatch.token == task.token:
            kept: dict[str, Any] = {"evidence": event.evidence.model_dump(mode="json")}
            if task.status == "cancelled":  # what has failed says itself why
                kept["last_failure"] = {"class": event.failure, "reason": event.reason, "attempt": dispatch.number}
            await work.tasks.change([task.id], **kept)
