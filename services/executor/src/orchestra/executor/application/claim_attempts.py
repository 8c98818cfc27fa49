"""Take attempts under lease, and end at once those that cannot be begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestra.executor.application.attempts import ExecutingWork, Lease
from orchestra.executor.application.missing_inputs import with_missing
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.attempt import AttemptKind, EndedAttempt, HeldAttempt
from orchestra.executor.domain.policy import Policy
from orchestra.executor.domain.verdict import obstacle

H = TypeVar("H")


@dataclass(frozen=True)
class Claim(Generic[H]):
    to_perform: Sequence[H]
    more: bool
    """Whether what ended at once has left room for more."""


async def claim_attempts(
    work: ExecutingWork, policy: Policy, lease: Lease, slots: int, kind: AttemptKind = "command"
) -> Claim[HeldAttempt]:
    """The oldest queued attempts, as many as there are free slots.

    What the policy or a missing input keeps from being begun has its outcome in this transaction.
    """
    to_perform: list[HeldAttempt] = []
    refused: list[EndedAttempt] = []
    for attempt, missing in await with_missing(work, await work.attempts.claim(lease, slots=slots, kind=kind)):
        if failed := obstacle(policy, attempt, missing):
            refused.append(EndedAttempt(attempt, failed))
        else:
            to_perform.append(attempt)
    await record_attempts(work, [], refused)
    return Claim(to_perform, more=bool(refused))
