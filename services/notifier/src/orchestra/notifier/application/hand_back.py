"""Hand back what was claimed and will not be sent by this holder."""

from collections.abc import Sequence
from typing import Any

from orchestra.notifier.application.claim_due import Claim
from orchestra.notifier.application.ports import NotifyingWork
from orchestra.notifier.domain.channel import Medium


async def hand_back(work: NotifyingWork, medium: Medium, claims: Sequence[Claim[Any]]) -> None:
    """The next claim may have it at once, here or elsewhere, under the same id. Other holders' leases stand."""
    leases = {claim.delivery.id: claim.delivery.lease for claim in claims if claim.delivery.lease is not None}
    if leases:
        await work.deliveries(medium).hand_back(leases)
        work.wake("deliveries")
