"""Keep one's own leases of calls, and take up what others let run out."""

from collections.abc import Mapping, Sequence

from orchestra.contracts.ids import CallId
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.calls.ports import CallingWork
from orchestra.executor.application.calls.record_call import take_up_again


async def keep_calls(work: CallingWork, lease: Lease, held: Sequence[CallId]) -> Mapping[CallId, str | None]:
    """As with attempts: first what is held is renewed, so that a database that was away costs a holder nothing."""
    kept = await work.calls.renew(lease, held)
    await take_up_again(work, await work.calls.expired())
    return kept


async def lose_calls_of(work: CallingWork, owners: Sequence[str]) -> None:
    await take_up_again(work, await work.calls.held_by(owners))
