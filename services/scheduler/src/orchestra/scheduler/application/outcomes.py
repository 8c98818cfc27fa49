"""What executors report counts from the holder of the newest token, once."""

from collections.abc import Sequence
from typing import TypeVar

from orchestra.contracts.execution import (
    AttemptFailed,
    AttemptReturned,
    AttemptStarted,
    AttemptSucceeded,
    AttemptSuspended,
)
from orchestra.scheduler.application.ports import Dispatch, SchedulingWork
from orchestra.scheduler.domain.work.task import Task

Outcome = TypeVar("Outcome", AttemptStarted, AttemptReturned, AttemptSucceeded, AttemptFailed, AttemptSuspended)
Held = tuple[Outcome, Dispatch, Task]


async def still_held(work: SchedulingWork, events: Sequence[Outcome]) -> list[Held[Outcome]]:
    """The events whose attempt still holds its task, with both, after holding their projects."""
    for key in sorted({(event.workspace_id, event.project_id) for event in events}):
        await work.projects.hold(*key)
    known = await work.tasks.of_attempts([event.attempt_id for event in events])
    held: list[Held[Outcome]] = []
    for event in events:
        dispatch, task = known[event.attempt_id]
        if dispatch.open and dispatch.token == event.token == task.token:
            held.append((event, dispatch, task))
    return held
