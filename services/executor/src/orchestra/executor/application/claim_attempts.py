"""Take attempts under lease, and end at once those of which nothing is performed."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.executor.application.attempts import ExecutingWork, Lease
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.attempt import EndedAttempt, HeldAttempt, Succeeded
from orchestra.executor.domain.policy import Policy
from orchestra.executor.domain.verdict import REHEARSED, obstacle

REHEARSALS = 256
"""Dry runs at a claim; they take no slot."""


@dataclass(frozen=True)
class Claim:
    to_perform: Sequence[HeldAttempt]
    more: bool
    """Whether what ended at once has left room for more."""


async def claim_attempts(work: ExecutingWork, policy: Policy, lease: Lease, slots: int) -> Claim:
    """The oldest queued attempts, as many as there are free slots, and dry runs beside them.

    A dry run, and what the policy or a missing input keeps from being begun, has its outcome in this transaction.
    """
    claimed = await work.attempts.claim(lease, slots=slots, rehearsals=REHEARSALS)
    to_perform: list[HeldAttempt] = []
    rehearsed: list[EndedAttempt] = []
    refused: list[EndedAttempt] = []
    for attempt, missing in await _with_missing(work, claimed):
        if failed := obstacle(policy, attempt, missing):
            refused.append(EndedAttempt(attempt, failed))
        elif attempt.dispatch.dry_run:
            rehearsed.append(EndedAttempt(attempt, Succeeded(REHEARSED)))
        else:
            to_perform.append(attempt)
    await record_attempts(work, [], rehearsed + refused)
    return Claim(to_perform, more=bool(refused) or len(rehearsed) == REHEARSALS)


async def _with_missing(
    work: ExecutingWork, attempts: Sequence[HeldAttempt]
) -> list[tuple[HeldAttempt, Sequence[str]]]:
    """Each with the paths whose content its own workspace does not know, whatever is stored for others."""
    wanted = [(attempt.workspace_id, sha256) for attempt in attempts for sha256 in attempt.contents.values()]
    known = await work.register.known(wanted)
    return [
        (a, [path for path, sha256 in a.contents.items() if (a.workspace_id, sha256) not in known]) for a in attempts
    ]
