"""Begin the call that money is held for, and give it more time."""

from dataclasses import replace
from datetime import datetime

from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.domain.money.errors import HoldLost
from orchestra.executor.domain.money.hold import Hold


async def begin_call(work: MoneyWork, hold: Hold) -> None:
    """From here on a crash leaves it unknown, and all that is held is owed. Raises HoldLost."""
    if not await work.holds.begin(hold):
        raise HoldLost(hold.id)


async def extend_hold(work: MoneyWork, hold: Hold, until: datetime) -> Hold:
    """Raises HoldLost."""
    if not await work.holds.extend(hold, until):
        raise HoldLost(hold.id)
    return replace(hold, until=until)
