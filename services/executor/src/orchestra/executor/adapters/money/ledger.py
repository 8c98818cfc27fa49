"""The ledger in the database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, case, func, literal, select, union_all

from orchestra.chassis.database.statement import Write
from orchestra.chassis.ids import new_id
from orchestra.executor.adapters.money.holds import SPENDING, spending_row
from orchestra.executor.adapters.money.tables import HOLD, LEDGER
from orchestra.executor.application.money.ports import Cost, CostBy, EntryView, Spent
from orchestra.executor.domain.money.amounts import NOTHING, UNITS, Amounts
from orchestra.executor.domain.money.hold import Entry, Hold, LedgerRow, Usage
from orchestra.executor.domain.money.scopes import Scope, period_of

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_ADD = Write.into(LEDGER, *(column.name for column in LEDGER.c))

_GROUP: dict[CostBy, ColumnElement[Any]] = {
    "task": func.coalesce(LEDGER.c.task_id, ""),
    "run": func.coalesce(LEDGER.c.run_id, ""),
    "project": LEDGER.c.project_id,
    "agent": LEDGER.c.agent,
    "model": LEDGER.c.model,
    "day": LEDGER.c.day,
}


class SqlLedger:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work

    def add(self, rows: Sequence[LedgerRow]) -> None:
        self._work.later(_ADD, [self._row(row) for row in rows])

    async def entry_of(self, hold: Hold) -> Entry | None:
        mine = (LEDGER.c.hold_id == hold.id) & (LEDGER.c.token == hold.spending.token)
        row = (await self._work.connection.execute(select(LEDGER).where(mine))).first()
        if row is None:
            return None
        usage = Usage(row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens)
        return Entry(
            cost=row.used_micros,
            price_version=row.price_version,
            usage=usage,
            requests=row.used_requests,
            minutes=row.used_minutes,
            status=row.status,
            provider=row.provider,
            model=row.model,
        )

    async def sums(self, scopes: Iterable[Scope]) -> dict[Scope, tuple[Amounts, Amounts]]:
        sums = dict.fromkeys(scopes, (NOTHING, NOTHING))
        by_workspace: defaultdict[tuple[str, str], list[Scope]] = defaultdict(list)
        for scope in sums:
            by_workspace[scope.workspace_id, scope.kind].append(scope)
        for (workspace_id, _), alike in by_workspace.items():
            found = {name: (settled, held) for name, settled, held in await self._sums(workspace_id, alike)}
            sums |= {scope: found.get(scope.period or scope.name, (NOTHING, NOTHING)) for scope in alike}
            # What stands without a period is no counter: nothing is ever spent of it.
        return sums

    async def _sums(self, workspace_id: str, alike: Sequence[Scope]) -> list[tuple[str, Amounts, Amounts]]:
        """Of scopes of one kind and workspace, by names or periods; one statement, and so one view of both tables."""
        named = [scope.period or scope.name for scope in alike]
        nothing = [literal(0, Integer) for _ in UNITS]
        used, held = (
            [table.c[f"{prefix}_{unit}"] for unit in UNITS] for table, prefix in ((LEDGER, "used"), (HOLD, "held"))
        )
        parts = [
            select(name.label("name"), *columns).where(table.c.workspace_id == workspace_id, name.in_(named))
            for table, columns in ((LEDGER, [*used, *nothing]), (HOLD, [*nothing, *held]))
            for name in [self._place(alike[0], table)]
        ]
        rows = union_all(*parts).subquery()
        _, *columns = rows.c
        # A sum of BIGINT is NUMERIC on one of the databases.
        totals = await self._work.connection.execute(
            select(rows.c.name, *(func.sum(column) for column in columns)).group_by(rows.c.name)
        )
        return [(name, Amounts(*map(int, all_[:4])), Amounts(*map(int, all_[4:]))) for name, *all_ in totals]

    def _place(self, scope: Scope, table: Any) -> ColumnElement[str]:
        """The name or period of this scope's kind that a row counts in."""
        if scope.kind in ("project", "run", "task"):
            return table.c[f"{scope.kind}_id"]
        day = table.c.day
        return day if scope.kind == "day" else func.substr(day, 1, 7)

    async def page(self, spent: Spent, *, after: str | None, limit: int) -> list[EntryView]:
        query = select(LEDGER).where(_meant(spent), LEDGER.c.id > (after or "")).order_by(LEDGER.c.id).limit(limit)
        return [_view(row) for row in await self._work.connection.execute(query)]

    async def costs(self, spent: Spent, by: CostBy, *, after: str | None, limit: int) -> list[Cost]:
        group = _GROUP[by]
        counted = [func.sum(case((LEDGER.c.status == status, 1), else_=0)) for status in ("unknown", "failed")]
        summed = [func.sum(LEDGER.c[name]) for name in (*(f"used_{unit}" for unit in UNITS), *_TOKENS)]
        query: Select[Any] = select(group, func.count(), *counted, *summed).where(_meant(spent))
        if after is not None:
            query = query.where(group > after)
        rows = await self._work.connection.execute(query.group_by(group).order_by(group).limit(limit))
        return [Cost(name, *map(int, figures)) for name, *figures in rows]

    def _row(self, row: LedgerRow) -> dict[str, Any]:
        hold, entry, usage = row.hold, row.entry, row.entry.usage
        return {
            "id": new_id("led"),
            "hold_id": hold.id,
            **spending_row(hold),
            "provider": entry.provider,
            "model": entry.model,
            **{f"used_{unit}": row.amounts.of(unit) for unit in UNITS},
            **{f"held_{unit}": hold.amounts.of(unit) for unit in UNITS},
            **dict(zip(_TOKENS, (usage.input, usage.output, usage.cache_read, usage.cache_write), strict=True)),
            "price_version": entry.price_version,
            "status": entry.status,
            "exceeded": row.exceeds_its_hold,
            "day": period_of("day", hold.at),
            "held_at": hold.at,
            "at": self._work.now,
        }


def _meant(spent: Spent) -> ColumnElement[bool]:
    given = {"project_id": spent.project_id, "run_id": spent.run_id, "task_id": spent.task_id}
    narrower = [LEDGER.c[name] == value for name, value in given.items() if value is not None]
    return and_(LEDGER.c.workspace_id == spent.workspace_id, *narrower)


def _view(row: Row[Any]) -> EntryView:
    same = ("id", *SPENDING[1:5], *SPENDING[7:], "status", *_TOKENS, "held_micros", "exceeded", "price_version", "at")
    return EntryView(**{name: getattr(row, name) for name in same}, **{u: getattr(row, f"used_{u}") for u in UNITS})
