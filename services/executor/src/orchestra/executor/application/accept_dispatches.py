"""Accept what the scheduler dispatches."""

from collections.abc import Sequence

from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.missing_inputs import with_missing
from orchestra.executor.application.record_attempts import tell
from orchestra.executor.domain.attempt import EndedAttempt, HeldAttempt, Succeeded
from orchestra.executor.domain.verdict import REHEARSED, obstacle


async def accept_dispatches(work: ExecutingWork, events: Sequence[TaskDispatched]) -> None:
    """Queue them, each once, and call for whoever has a slot; what was withdrawn before it came is not queued.

    A dry run takes no slot: nothing is performed, so it has its end in this transaction.
    """
    traced = list(zip(events, work.traces, strict=True))
    if real := [(event, trace) for event, trace in traced if not event.dry_run]:
        await work.attempts.accept(real)
        work.wake("attempts")
    if dry := [HeldAttempt(event, "", work.now, trace) for event, trace in traced if event.dry_run]:
        ended = [
            EndedAttempt(attempt, obstacle(work.policy, attempt, missing) or Succeeded(REHEARSED))
            for attempt, missing in await with_missing(work, dry)
        ]
        tell(work, await work.attempts.rehearse(ended))
