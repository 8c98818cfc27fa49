"""The account: what models ask of money and of the record, by the till and the ledger.

An answer is written in the transaction that settles it. So whoever takes a call over finds either the answer, or what
was held for it settled as unknown: nothing is paid for twice without its being counted, and nothing recorded is asked
again.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from orchestra.chassis.clock import Clock
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.adapters.tables import RECORDED_ANSWER
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.models.ports import Request, Spent, Ticket
from orchestra.executor.application.money.ports import Purse
from orchestra.executor.application.money.settle_holds import settle_holds
from orchestra.executor.domain.models.failure import Failure
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.errors import HoldLost
from orchestra.executor.domain.money.hold import Entry, Hold, Usage
from orchestra.executor.domain.money.scopes import Spending

log = logger("money")

LONGEST = timedelta(hours=1)
"""Of a request. A hold of one who is gone is ended by whoever takes over, or after this."""


@dataclass
class _Open:
    hold: Hold
    answer: bytes | None = None


@dataclass
class Account:
    """What the ports Meter and Recorder ask for."""

    database: Database[ExecutorWork]
    purse: Purse
    clock: Clock
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])

    async def begin(self, request: Request, ceiling_micros: int) -> Ticket:
        """Raises BudgetExhausted, BadAmount, HoldLost."""
        caller = request.caller
        spending = Spending(
            caller.workspace_id,
            caller.project_id or "",
            holder=caller.attempt_id or new_id("ask"),
            token=caller.token,
            run_id=caller.run_id,
            task_id=caller.task_id,
            attempt_id=caller.attempt_id,
            agent=caller.agent,
            provider=request.provider,
            model=request.model,
            purpose=caller.purpose,
        )
        ask = Amounts(micros=ceiling_micros, tokens=request.most_tokens, requests=1)
        hold = await self.purse.hold(spending, ask, self.clock.now() + LONGEST)
        await self.purse.begin(hold)
        self._open[hold.id] = _Open(hold)
        return Ticket(hold.id, ceiling_micros)

    async def end(self, ticket: Ticket, request: Request, spent: Spent) -> None:
        entry = Entry(
            spent.cost_micros,
            request.price_version,
            _usage(spent),
            status="unknown" if spent.outcome == "unknown" else "settled",
        )
        await self._settle(ticket, request, entry)

    async def failed(self, ticket: Ticket, request: Request, failure: Failure) -> None:
        del failure
        await self._settle(ticket, request, Entry(0, request.price_version, requests=0, status="failed"))

    async def _settle(self, ticket: Ticket, request: Request, entry: Entry) -> None:
        opened = self._open.pop(ticket.id)
        async with self.database.begin() as work:
            [answer] = await settle_holds(work, [(opened.hold, entry)])
            if opened.answer is not None and not isinstance(answer, HoldLost):
                row = {
                    "id": _recorded_as(request),
                    "workspace_id": request.caller.workspace_id,
                    "hold_id": ticket.id,
                    "answer": opened.answer,
                    "at": work.now,
                }
                await work.connection.execute(work.dialect.insert(RECORDED_ANSWER).values(row).on_conflict_do_nothing())
        if isinstance(answer, HoldLost):  # somebody has taken over, and settled it as unknown
            log.warning("a hold was ended before it was settled", hold_id=ticket.id)

    async def find(self, request: Request) -> bytes | None:
        if not request.caller.replay:
            return None
        query = select(RECORDED_ANSWER.c.answer).where(RECORDED_ANSWER.c.id == _recorded_as(request))
        async with self.database.read() as view:
            return (await view.connection.execute(query)).scalar_one_or_none()

    async def keep(self, request: Request, ticket: Ticket, answer: bytes, spent: Spent) -> None:
        del spent
        if request.caller.replay:
            self._open[ticket.id].answer = answer


def _recorded_as(request: Request) -> str:
    told = "\0".join((request.caller.workspace_id, request.caller.replay, request.digest))
    return hashlib.sha256(told.encode()).hexdigest()


def _usage(spent: Spent) -> Usage:
    """The ledger counts what caches gave and took beside the rest of what went in."""
    used = spent.usage
    if used is None:
        return Usage()
    plain = used.input - used.cache_read - used.cache_write
    return Usage(plain, used.output, used.cache_read, used.cache_write)
