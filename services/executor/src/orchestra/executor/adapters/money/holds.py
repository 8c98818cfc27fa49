"""Open holds in the database."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, Select, String, cast, delete, select, update

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Row, Statement, Write, given
from orchestra.executor.adapters.money.tables import HOLD
from orchestra.executor.domain.money.amounts import UNITS, Amounts
from orchestra.executor.domain.money.hold import Hold
from orchestra.executor.domain.money.scopes import Spending, period_of

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

SPENDING = (
    *("workspace_id", "project_id", "run_id", "task_id", "attempt_id", "holder", "token"),
    *("agent", "provider", "model", "purpose"),
)
_HELD = tuple(f"held_{unit}" for unit in UNITS)
_COLUMNS = ("id", *SPENDING, *_HELD, "at", "until", "begun")
_ADD = Write.into(HOLD, *_COLUMNS, "day")


def _removed(which: Callable[[Dialect], Select[Any]], *, skip_locked: bool = False) -> Statement:
    """Removes the holds of these ids, locked in their order, and returns them."""

    def build(dialect: Dialect) -> Any:
        these = dialect.locked(which(dialect), skip_locked=skip_locked).cte("these")
        gone = delete(HOLD).where(HOLD.c.id.in_(select(these.c.id)))
        return gone.returning(*(HOLD.c[name] for name in _COLUMNS))

    return Statement(build)


_FENCE = HOLD.c.id.concat("/").concat(cast(HOLD.c.token, String))
_TAKE = _removed(
    lambda dialect: (
        select(HOLD.c.id).where(dialect.among(HOLD.c.id, "ids"), dialect.among(_FENCE, "fences")).order_by(HOLD.c.id)
    )
)
_EXPIRED = _removed(
    lambda _: (
        select(HOLD.c.id).where(HOLD.c.until < given("now")).order_by(HOLD.c.until).limit(given("limit", Integer))
    ),
    skip_locked=True,
)
_LEFT = _removed(
    lambda _: (
        select(HOLD.c.id).where(HOLD.c.holder == given("holder"), HOLD.c.token < given("token")).order_by(HOLD.c.id)
    )
)


def _mine() -> ColumnElement[bool]:
    return (HOLD.c.id == given("hold_id", HOLD.c.id.type)) & (HOLD.c.token == given("hold_token", HOLD.c.token.type))


_BEGIN = Statement(lambda _: update(HOLD).where(_mine()).values(begun=True).returning(HOLD.c.id))
_EXTEND = Statement(lambda _: update(HOLD).where(_mine()).values(until=given("until")).returning(HOLD.c.id))


class SqlHolds:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work

    def add(self, holds: Sequence[Hold]) -> None:
        self._work.later(_ADD, [_row(hold) for hold in holds])

    async def begin(self, hold: Hold) -> bool:
        return bool(await self._work.fetch(_BEGIN, hold_id=hold.id, hold_token=hold.spending.token))

    async def extend(self, hold: Hold, until: datetime) -> bool:
        found = await self._work.fetch(_EXTEND, hold_id=hold.id, hold_token=hold.spending.token, until=until)
        return bool(found)

    async def take(self, holds: Sequence[Hold]) -> list[Hold]:
        ids, fences = [hold.id for hold in holds], [f"{hold.id}/{hold.spending.token}" for hold in holds]
        return [_hold(row) for row in await self._work.fetch(_TAKE, ids=ids, fences=fences)]

    async def take_expired(self, limit: int) -> list[Hold]:
        return [_hold(row) for row in await self._work.fetch(_EXPIRED, now=self._work.now, limit=limit)]

    async def take_left_by(self, holder: str, token: int) -> list[Hold]:
        return [_hold(row) for row in await self._work.fetch(_LEFT, holder=holder, token=token)]


def _row(hold: Hold) -> dict[str, Any]:
    amounts = dict(zip(_HELD, hold.amounts, strict=True))
    times = {"day": period_of("day", hold.at), "at": hold.at, "until": hold.until}
    return {"id": hold.id, **spending_row(hold), **amounts, **times, "begun": hold.begun}


def spending_row(hold: Hold) -> dict[str, Any]:
    return {name: getattr(hold.spending, name) for name in SPENDING}


def _hold(row: Row) -> Hold:
    values = dict(zip(_COLUMNS, row, strict=True))
    spending = Spending(**{name: values[name] for name in SPENDING})
    amounts = Amounts(*(values[name] for name in _HELD))
    return Hold(values["id"], spending, amounts, values["at"], values["until"], bool(values["begun"]))
