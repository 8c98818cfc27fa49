"""Accept what the scheduler dispatches."""

from collections.abc import Mapping, Sequence

from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.missing_inputs import with_missing
from orchestra.executor.application.record_attempts import tell
from orchestra.executor.domain.attempt import AttemptKind, EndedAttempt, HeldAttempt, Succeeded, kind_of
from orchestra.executor.domain.verdict import REHEARSED, obstacle

WOKEN: Mapping[AttemptKind, str] = {"command": "attempts", "agent": "agents"}
"""Who takes up what is queued."""


async def accept_dispatches(work: ExecutingWork, events: Sequence[TaskDispatched]) -> None:
    """Queue them, each once, and call for whoever has a slot; what was withdrawn before it came is not queued.

    A dry run takes no slot: nothing is performed, so it has its end in this transaction.
    """
    traced = list(zip(events, work.traces, strict=True))
    if real := [(event, trace) for event, trace in traced if not event.dry_run]:
        await work.attempts.accept(real)
        kinds: set[AttemptKind] = {kind_of(event) for event, _ in real}
        for kind in sorted(kinds):
            work.wake(WOKEN[kind])
    if dry := [HeldAttempt(event, "", work.now, trace) for event, trace in traced if event.dry_run]:
        ended = [
            EndedAttempt(attempt, obstacle(work.policy, attempt, missing) or Succeeded(REHEARSED))
            for attempt, missing in await with_missing(work, dry)
        ]
        tell(work, await work.attempts.rehearse(ended))


async def accept_plainly(work: ExecutingWork, event: TaskDispatched, trace: str | None) -> bool:
    """The same of one alone, in one statement; False where something stands against it, and nothing was done."""
    attempt = HeldAttempt(event, "", work.now, trace)
    if not event.dry_run:
        work.wake(WOKEN[kind_of(event)])
        return await work.attempts.accept_at_once(attempt)
    ended = EndedAttempt(attempt, obstacle(work.policy, attempt, ()) or Succeeded(REHEARSED))
    tell(work, [ended])
    return await work.attempts.rehearse_at_once(ended)
