"""Keep one's own leases, and end what others let run out."""

from collections.abc import Mapping, Sequence

from orchestra.contracts.ids import AttemptId
from orchestra.executor.application.attempts import ExecutingWork, Lease
from orchestra.executor.application.record_attempts import tell
from orchestra.executor.domain.attempt import AttemptKind


async def keep_leases(work: ExecutingWork, lease: Lease, held: Sequence[AttemptId]) -> Mapping[AttemptId, str | None]:
    """Renew what is held, then declare lost what nobody renewed; in this order, so that a database that was away for
    longer than a lease does not cost a holder what it still has.

    Returns the leases that were renewed, each with the reason of a withdrawal if there is one.
    """
    kept = await work.attempts.renew(lease, held)
    tell(work, await work.attempts.lose_expired("Its lease ran out: whoever performed it is gone."))
    return kept


async def lose_all_of(work: ExecutingWork, owners: Sequence[str], reason: str, kind: AttemptKind | None = None) -> None:
    """Declare lost what owners that are known to be gone held; nobody has to wait for the end of their leases."""
    tell(work, await work.attempts.lose_of(owners, reason, kind))
