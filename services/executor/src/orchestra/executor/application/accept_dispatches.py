"""Accept what the scheduler dispatches."""

from collections.abc import Sequence

from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.application.attempts import ExecutingWork


async def accept_dispatches(work: ExecutingWork, events: Sequence[TaskDispatched]) -> None:
    """Queue them, each once, and call for whoever has a slot; what was withdrawn before it came is not queued."""
    await work.attempts.accept(list(zip(events, work.traces, strict=True)))
    work.wake("attempts")
