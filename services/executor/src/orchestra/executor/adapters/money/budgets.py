"""Budgets in the database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Select, and_, func, select, update

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Row, Statement, given, insertion
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.money.reserve import RESERVE, values_of
from orchestra.executor.adapters.money.tables import BUDGET
from orchestra.executor.adapters.tables import ATTEMPT
from orchestra.executor.application.money.ports import Reservation
from orchestra.executor.domain.money.amounts import NOTHING, UNITS, Amounts, Unit
from orchestra.executor.domain.money.budget import Budget, Defaults, Limits
from orchestra.executor.domain.money.scopes import PERIODIC, Scope, ScopeKind

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork


def _columns(prefix: str) -> list[Any]:
    return [BUDGET.c[f"{prefix}_{unit}"] for unit in UNITS]


COLUMNS = (
    *(BUDGET.c[name] for name in ("workspace_id", "scope", "name", "period", "own", "warned", "exhausted")),
    *(column for prefix in ("limit", "topped", "settled", "held") for column in _columns(prefix)),
)
"""What a Budget is made of, in the order of `budget_of`."""

_COUNTED = ("warned", "exhausted", *(f"{prefix}_{unit}" for prefix in ("settled", "held") for unit in UNITS))
_LIMITED = ("own", "warned", "exhausted", *(f"{prefix}_{unit}" for prefix in ("limit", "topped") for unit in UNITS))


def _written(*columns: str) -> Statement:
    values = {name: given(name) for name in columns}
    return Statement(lambda _: update(BUDGET).where(BUDGET.c.key == given("where")).values(values))


_COUNT, _LIMIT, _MEND = _written(*_COUNTED), _written(*_LIMITED), _written(*_COUNTED, "mended_at")


def _locked(dialect: Dialect) -> Executable:
    return dialect.locked(select(*COLUMNS).where(dialect.among(BUDGET.c.key, "keys")).order_by(BUDGET.c.key))


def _locked_periods(dialect: Dialect) -> Executable:
    mine = and_(*(BUDGET.c[name] == given(name) for name in ("workspace_id", "scope", "name")))
    now = BUDGET.c.period >= given("period")
    return dialect.locked(select(*COLUMNS).where(mine, now).order_by(BUDGET.c.key))


_LOCKED, _PERIODS = Statement(_locked), Statement(_locked_periods)
_OPEN = Statement(
    lambda dialect: (
        dialect.insert(BUDGET)
        .inline()
        .values(insertion(*(column.name for column in BUDGET.c)))
        .on_conflict_do_nothing()
    )
)


class SqlBudgets:
    def __init__(self, work: "ExecutorWork", defaults: Defaults) -> None:
        self._work = work
        self._defaults = defaults

    async def reserve(self, needs: Mapping[Scope, Amounts]) -> Reservation:
        if self._work.dialect.many_in_one:
            rows = await self._work.fetch(RESERVE, **values_of(needs, self._defaults))
            found = [self._of(row[1:]) for row in rows]
            return Reservation(bool(rows) and rows[0][0], {budget.scope: budget for budget in found})
        # The one writer: between reading and writing nobody comes.
        budgets = await self.locked(needs)
        taken = len(budgets) == len(needs) and not any(budgets[scope].refused(need) for scope, need in needs.items())
        if taken:
            await self.write([budgets[scope].holding(need) for scope, need in needs.items()])
        return Reservation(taken, budgets)

    async def locked(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]:
        rows = await self._work.fetch(_LOCKED, keys=sorted(scope.key for scope in scopes))
        return {budget.scope: budget for budget in map(self._of, rows)}

    async def write(self, budgets: Sequence[Budget], *, mended: bool = False) -> None:
        rows = [_counted(budget) | ({"mended_at": self._work.now} if mended else {}) for budget in budgets]
        await self._work.execute(_MEND if mended else _COUNT, rows)

    async def open(self, scopes: Iterable[Scope]) -> None:
        wanted = sorted(set(scopes), key=lambda scope: scope.key)
        wholes = sorted({scope.whole for scope in wanted}, key=lambda scope: scope.key)
        await self._work.execute(_OPEN, [_opened(Budget(scope)) for scope in wholes])
        if periods := [scope for scope in wanted if scope.period]:
            # Locked until the commit: whoever sets the limit now finds the period's row behind it, or was before it.
            whole = await self.locked({scope.whole for scope in periods})
            await self._work.execute(_OPEN, [_opened(_begun(whole[scope.whole], scope)) for scope in periods])

    async def to_limit(self, scope: Scope) -> list[Budget]:
        await self.open([scope])
        [whole] = (await self.locked([scope.whole])).values()
        if scope.kind not in PERIODIC:
            return [whole]
        mine = {"workspace_id": scope.workspace_id, "scope": scope.kind, "name": scope.name, "period": scope.period}
        # A statement of its own: one that began before the row above was locked would not see what is new since.
        return [whole, *map(self._of, await self._work.fetch(_PERIODS, **mine))]

    async def limit(self, budgets: Sequence[Budget]) -> None:
        await self._work.execute(_LIMIT, [_limited(budget) for budget in budgets])

    async def page(
        self,
        workspace_id: WorkspaceId,
        kind: ScopeKind | None,
        current: Sequence[Scope],
        *,
        after: str | None,
        limit: int,
    ) -> list[Budget]:
        query: Select[Any] = select(*COLUMNS).where(
            BUDGET.c.workspace_id == workspace_id,
            BUDGET.c.key > (after or ""),
            BUDGET.c.scope.not_in(sorted(PERIODIC)),
        )
        if kind is not None:
            query = query.where(BUDGET.c.scope == kind)
        rows = await self._work.connection.execute(query.order_by(BUDGET.c.key).limit(limit))
        # The workspace's own come before all others, as their keys do.
        first = [budget for budget in await self.find(current) if budget.scope.key > (after or "")]
        return [*first, *(self._of(tuple(row)) for row in rows)][:limit]

    async def find(self, scopes: Sequence[Scope]) -> list[Budget]:
        keys = {each.key for scope in scopes for each in (scope, scope.whole)}
        rows = await self._work.connection.execute(select(*COLUMNS).where(BUDGET.c.key.in_(sorted(keys))))
        known = {budget.scope: budget for budget in (self._of(tuple(row)) for row in rows)}

        def unspent(scope: Scope) -> Budget:
            whole = known.get(scope.whole, Budget(scope.whole, self._defaults.get(scope.kind, Limits())))
            return _begun(whole, scope)

        return [known.get(scope) or unspent(scope) for scope in scopes]

    async def after(self, key: str, limit: int) -> list[Budget]:
        """Of all workspaces, for whoever goes through all of them."""
        query = select(*COLUMNS).where(BUDGET.c.key > key).order_by(BUDGET.c.key).limit(limit)
        return [self._of(tuple(row)) for row in await self._work.connection.execute(query)]

    async def project_of(self, scope: Scope) -> ProjectId:
        if scope.kind == "project":
            return scope.name
        column = {"run": ATTEMPT.c.run_id, "task": ATTEMPT.c.task_id}.get(scope.kind)
        if column is None:
            return ""
        query = select(func.min(ATTEMPT.c.project_id)).where(ATTEMPT.c.workspace_id == scope.workspace_id)
        return (await self._work.connection.execute(query.where(column == scope.name))).scalar_one() or ""

    def _of(self, row: Row) -> Budget:
        workspace_id, kind, name, period, own, warned, exhausted, *amounts = row
        set_, topped, settled, held = (amounts[at : at + 4] for at in (0, 4, 8, 12))
        default = self._defaults.get(kind, Limits())
        limits = set_ if own else [default.of(unit) for unit in UNITS]
        whole = [None if most is None else most + more for most, more in zip(limits, topped, strict=True)]
        return Budget(
            Scope(workspace_id, kind, name, period),
            Limits(*whole),
            Amounts(*settled),
            Amounts(*held),
            bool(own),
            Amounts(*topped),
            _units(warned),
            _units(exhausted),
        )


def _units(text: str) -> frozenset[Any]:
    return frozenset(text.split())


def _text(units: frozenset[Unit]) -> str:
    return " ".join(sorted(units))


def _split(prefix: str, amounts: Iterable[int | None]) -> dict[str, int | None]:
    return {f"{prefix}_{unit}": each for unit, each in zip(UNITS, amounts, strict=True)}


def _counted(budget: Budget) -> dict[str, Any]:
    return {
        "where": budget.scope.key,
        **_split("settled", budget.settled),
        **_split("held", budget.held),
        "warned": _text(budget.warned),
        "exhausted": _text(budget.exhausted),
    }


def _limited(budget: Budget) -> dict[str, Any]:
    limits = [budget.limits.of(unit) for unit in UNITS]
    # What was topped up is kept apart from what was set; where nothing was, it is on top of the defaults.
    own = [
        None if most is None or not budget.own else most - more
        for most, more in zip(limits, budget.topped_up, strict=True)
    ]
    return {
        "where": budget.scope.key,
        "own": budget.own,
        **_split("limit", own),
        **_split("topped", budget.topped_up),
        "warned": _text(budget.warned),
        "exhausted": _text(budget.exhausted),
    }


def _opened(budget: Budget) -> dict[str, Any]:
    scope = budget.scope
    row = {
        "key": scope.key,
        "workspace_id": scope.workspace_id,
        "scope": scope.kind,
        "name": scope.name,
        "period": scope.period,
        "mended_at": None,
    }
    counted, limited = _counted(budget), _limited(budget)
    return {name: value for name, value in (row | counted | limited).items() if name != "where"}


def _begun(whole: Budget, scope: Scope) -> Budget:
    """A new period with the limits that were set for every one."""
    return Budget(scope, whole.limits, NOTHING, NOTHING, whole.own)
