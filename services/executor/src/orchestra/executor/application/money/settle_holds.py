"""Settle holds: what was used goes into the ledger and into the counters, what was held and not used is free again."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.application.money.tell import tell_used
from orchestra.executor.domain.money.amounts import NOTHING, Amounts
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.errors import HoldLost
from orchestra.executor.domain.money.hold import Entry, Hold, LedgerRow, settled, unknown

log = logger("money")


async def settle_holds(work: MoneyWork, entries: Sequence[tuple[Hold, Entry]]) -> list[LedgerRow | HoldLost]:
    """What was recorded for each in their order, or that it was its holder's no more. Raises BadAmount.

    More than was held is recorded in full and counted, above a limit too: it is owed. Whoever has settled the same
    before, and never heard of it, gets the same answer.
    """
    rows = {hold.id: settled(hold, entry) for hold, entry in entries}
    taken = {hold.id: hold for hold in await work.holds.take([hold for hold, _ in entries])}
    mine = [replace(rows[hold_id], hold=hold) for hold_id, hold in taken.items()]
    await _record(work, mine)
    known = {row.hold.id: row for row in mine}
    answers: list[LedgerRow | HoldLost] = []
    for hold, _ in entries:
        if hold.id in known:
            answers.append(known[hold.id])
        elif await work.ledger.entry_of(hold) == rows[hold.id].entry:
            answers.append(rows[hold.id])
        else:
            answers.append(HoldLost(hold.id))
    return answers


async def release_holds(work: MoneyWork, holds: Sequence[Hold]) -> list[Hold]:
    """Free what is held for calls that were not made; returns those that still were their holders'."""
    taken = await work.holds.take(holds)
    await _count(work, [(hold, NOTHING) for hold in taken])
    return taken


async def end_holds(work: MoneyWork, taken: Sequence[Hold]) -> list[LedgerRow]:
    """Holds that nobody will settle any more: those whose calls have begun as unknown, at all that was held; the others
    are released."""
    rows = [unknown(hold) for hold in taken if hold.begun]
    await _count(work, [(hold, NOTHING) for hold in taken if not hold.begun])
    await _record(work, rows)
    return rows


async def _record(work: MoneyWork, rows: Sequence[LedgerRow]) -> None:
    work.ledger.add(rows)
    await _count(work, [(row.hold, row.amounts) for row in rows])
    for row in rows:
        if row.exceeds_its_hold:
            held, used = row.hold.amounts, row.amounts
            log.warning("more was used than held", hold_id=row.hold.id, held=tuple(held), used=tuple(used))


async def _count(work: MoneyWork, ended: Iterable[tuple[Hold, Amounts]]) -> None:
    ended = list(ended)
    if not ended:
        return
    budgets = await work.budgets.locked({scope for hold, _ in ended for scope in hold.scopes})
    for hold, used in ended:
        for scope in hold.scopes:
            budgets[scope] = budgets[scope].settling(hold.amounts, used)
    after: Sequence[Budget] = list(budgets.values())
    await work.budgets.write(after)
    await tell_used(work, after, [hold for hold, _ in ended])
