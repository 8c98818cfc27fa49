"""The till: holds and settlements as transactions of their own, those that come meanwhile together in the next one.

All calls of a workspace want the same row, and have it one after the other, each until its commit is on the disk. So
what waits for one transaction is the next one, however much it is: a busy process does a hundred holds in one turn.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.begin_call import begin_call, extend_hold
from orchestra.executor.application.money.hold_money import NotOpened, Request, hold_money
from orchestra.executor.application.money.settle_holds import release_holds, settle_holds
from orchestra.executor.application.money.sweep_holds import recover_holds
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.errors import BudgetExhausted, HoldLost, MoneyError
from orchestra.executor.domain.money.hold import Entry, Hold, LedgerRow
from orchestra.executor.domain.money.scopes import Spending
from orchestra.executor.entrypoints.money.gathered import Gathered

log = logger("money")


class Till:
    """What the port Purse asks for."""

    def __init__(self, database: Database[ExecutorWork]) -> None:
        self._database = database
        self._holding = Gathered("hold", self._hold_all)
        self._settling = Gathered("settle", self._settle_all)
        self._unwanted: set[asyncio.Task[None]] = set()

    async def hold(self, spending: Spending, ask: Amounts, until: datetime) -> Hold:
        request = Request(spending, ask.checked(), until)
        answer = await self._holding.ask(request, self._give_back)
        if isinstance(answer, BudgetExhausted):
            raise answer
        return answer

    async def begin(self, hold: Hold) -> None:
        async with self._database.begin() as work:
            await begin_call(work, hold)

    async def settle(self, hold: Hold, entry: Entry) -> LedgerRow:
        _ = entry.amounts  # what is no amount must not spoil the others' settlement
        answer = await self._settling.ask((hold, entry))
        if isinstance(answer, HoldLost):
            raise answer
        return answer

    async def release(self, hold: Hold) -> None:
        async with self._database.begin() as work:
            released = await release_holds(work, [hold])
        if not released:
            raise HoldLost(hold.id)

    async def extend(self, hold: Hold, until: datetime) -> Hold:
        async with self._database.begin() as work:
            return await extend_hold(work, hold, until)

    async def recover(self, holder: str, token: int) -> Sequence[LedgerRow]:
        async with self._database.begin() as work:
            return await recover_holds(work, holder, token)

    async def stop(self) -> None:
        """Called when nobody asks any more: what is under way ends."""
        await self._holding.stop()
        await self._settling.stop()
        await asyncio.gather(*self._unwanted)

    async def _hold_all(self, requests: Sequence[Request]) -> Sequence[Hold | BudgetExhausted]:
        while True:
            try:
                async with self._database.begin() as work:
                    return await hold_money(work, requests)
            except NotOpened as missing:
                async with self._database.begin() as work:
                    await work.budgets.open(missing.scopes)

    async def _settle_all(self, entries: Sequence[tuple[Hold, Entry]]) -> Sequence[LedgerRow | HoldLost]:
        async with self._database.begin() as work:
            return await settle_holds(work, entries)

    def _give_back(self, answer: Hold | BudgetExhausted) -> None:
        """Whoever asked for it has gone."""
        if isinstance(answer, Hold):
            task = asyncio.create_task(self._release_quietly(answer), name=f"release {answer.id}")
            self._unwanted.add(task)
            task.add_done_callback(self._unwanted.discard)

    async def _release_quietly(self, hold: Hold) -> None:
        try:
            await self.release(hold)
        except (MoneyError, Unavailable, Transient) as error:
            log.warning("a hold that nobody wants is left to its time", hold_id=hold.id, reason=str(error))
