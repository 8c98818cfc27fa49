"""Take attempts under lease."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.executor.application.attempts import ExecutingWork, Lease
from orchestra.executor.domain.attempt import HeldAttempt


@dataclass(frozen=True)
class Claimed:
    attempt: HeldAttempt
    missing: Sequence[str]
    """Paths whose content the attempt's own workspace does not know, whatever is stored for others."""


async def claim_attempts(work: ExecutingWork, lease: Lease, *, slots: int, rehearsals: int) -> list[Claimed]:
    """The oldest queued attempts: at most so many to perform and so many dry runs."""
    attempts = await work.attempts.claim(lease, slots=slots, rehearsals=rehearsals)
    wanted = [(attempt.workspace_id, sha256) for attempt in attempts for sha256 in attempt.contents.values()]
    known = await work.register.known(wanted)
    return [
        Claimed(a, [path for path, sha256 in a.contents.items() if (a.workspace_id, sha256) not in known])
        for a in attempts
    ]
