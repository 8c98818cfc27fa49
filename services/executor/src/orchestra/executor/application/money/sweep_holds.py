"""End holds that nobody will settle any more: those whose time is over, and those of earlier holders."""

from collections.abc import Sequence

from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.application.money.settle_holds import end_holds
from orchestra.executor.domain.money.hold import LedgerRow

AT_ONCE = 100


async def sweep_holds(work: MoneyWork) -> bool:
    """The oldest that have expired; True when there may be more."""
    taken = await work.holds.take_expired(AT_ONCE)
    await end_holds(work, taken)
    return len(taken) == AT_ONCE


async def recover_holds(work: MoneyWork, holder: str, token: int) -> Sequence[LedgerRow]:
    """What earlier holders have left; returns what was settled as unknown."""
    return await end_holds(work, await work.holds.take_left_by(holder, token))
