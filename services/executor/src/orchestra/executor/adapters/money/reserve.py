"""The one statement of the hot path: hold so much in each of these scopes, in all of them or in none.

It locks their rows in the order of their keys, so that two of them never wait for each other; looks whether all fit by
what it has locked; and adds to all of them where they do. It returns a row for each scope with what was there before,
and whether it was done. A scope that has no row yet is not in the answer, and then nothing is done.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Executable,
    Text,
    and_,
    bindparam,
    case,
    column,
    func,
    or_,
    select,
    update,
)
from sqlalchemy import true as always

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement
from orchestra.executor.adapters.money.tables import BUDGET
from orchestra.executor.domain.money.amounts import UNITS, Amounts, Unit
from orchestra.executor.domain.money.budget import NO_LIMITS, Defaults
from orchestra.executor.domain.money.scopes import Scope

_NEEDED = [f"need_{unit}" for unit in UNITS]
_DEFAULT = [f"default_{unit}" for unit in UNITS]


def values_of(needs: Mapping[Scope, Amounts], defaults: Defaults) -> dict[str, Any]:
    """What the statement is given: a list for each column of what is needed."""
    limits = [defaults.get(scope.kind, NO_LIMITS) for scope in needs]
    return {
        "key": [scope.key for scope in needs],
        **{f"need_{unit}": [need.of(unit) for need in needs.values()] for unit in UNITS},
        **{f"default_{unit}": [limit.of(unit) for limit in limits] for unit in UNITS},
    }


def _fits(unit: Unit, budget: Any, need: Any) -> ColumnElement[bool]:
    set_ = case((budget.own, budget[f"limit_{unit}"]), else_=need[f"default_{unit}"])
    limit = set_ + budget[f"topped_{unit}"]
    used = budget[f"settled_{unit}"] + budget[f"held_{unit}"]
    asked = need[f"need_{unit}"]
    return or_(asked == 0, limit.is_(None), used + asked <= limit)


def _reserve(dialect: Dialect) -> Executable:
    types = {"key": Text(), **{name: BigInteger() for name in (*_NEEDED, *_DEFAULT)}}
    lists = [bindparam(name, None, ARRAY(of, dimensions=1)) for name, of in types.items()]
    rows = func.unnest(*lists).table_valued(*(column(name, of) for name, of in types.items()))
    need = select(rows.render_derived("given")).cte("need")
    wanted = select(need.c.key).scalar_subquery()
    locked = dialect.locked(select(BUDGET).where(BUDGET.c.key.in_(wanted)).order_by(BUDGET.c.key)).cte("locked")
    fit = and_(*(_fits(unit, locked.c, need.c) for unit in UNITS))
    count = select(func.count()).select_from(need).scalar_subquery()
    verdict = (
        select(and_(func.count() == count, func.bool_and(fit)).label("taken"))
        .select_from(locked.join(need, locked.c.key == need.c.key))
        .cte("verdict")
    )
    taken = select(verdict.c.taken).scalar_subquery()
    moved = (
        update(BUDGET)
        .where(BUDGET.c.key == need.c.key, taken)
        .values({f"held_{unit}": BUDGET.c[f"held_{unit}"] + need.c[f"need_{unit}"] for unit in UNITS})
        .returning(BUDGET.c.key)
        .cte("moved")
    )
    words = ("workspace_id", "scope", "name", "period", "own", "warned", "exhausted")
    amounts = [f"{prefix}_{unit}" for prefix in ("limit", "topped", "settled", "held") for unit in UNITS]
    before = [locked.c[name] for name in (*words, *amounts)]
    return select(verdict.c.taken, *before).select_from(locked.join(verdict, always())).add_cte(moved)


RESERVE = Statement(_reserve)
