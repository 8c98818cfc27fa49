"""Results of agents: counted by one statement, whoever else counts at the same time."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Float, and_, case, cast, false, or_, select, true

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, insertion
from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.adapters.agents.tables import AGENT_RESULT
from orchestra.executor.application.agents.registry_ports import Learned
from orchestra.executor.domain.agents.outcomes import Outcome
from orchestra.executor.domain.agents.registry import DEGRADED_BELOW, KNOWN_BY, RECENT, RECOVERED_ABOVE, Results

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

ALL = ""
"""In place of a kind of work."""

SUCCESS: Mapping[Outcome, float] = {"done": 1.0, "partial": 0.5, "gaps": 0.0, "failed": 0.0}
_OUTCOMES: tuple[Outcome, ...] = ("done", "partial", "failed", "gaps")
_SUMS = ("cost_micros", "duration_ms")

_C = AGENT_RESULT.c


def _add(dialect: Dialect) -> Executable:
    added = dialect.insert(AGENT_RESULT).inline().values(insertion(*(column.name for column in _C)))
    new = added.excluded
    count = _C.done + _C.partial + _C.failed + _C.gaps + 1
    success = _newer(_C.success, new.success, count)
    judged = _C.done + _C.partial + _C.gaps + 1
    quality = case((new.failed > 0, _C.quality), else_=_newer(_C.quality, new.quality, judged))
    degraded = case(
        (and_(count >= KNOWN_BY, success < DEGRADED_BELOW), true()),
        (success > RECOVERED_ABOVE, false()),
        else_=_C.degraded,
    )
    sums = {name: _C[name] + new[name] for name in (*_OUTCOMES, *_SUMS)}
    return added.on_conflict_do_update(
        index_elements=["workspace_id", "agent", "kind"],
        set_={**sums, "success": success, "quality": quality, "degraded": degraded},
    )


def _newer(mean: Any, value: Any, count: Any) -> Any:
    """The mean with one value more: of the first ones all weigh the same, then the newest one has a fixed weight."""
    weight = case((count * RECENT < 1, 1.0 / cast(count, Float(53))), else_=RECENT)
    return mean + (value - mean) * weight


_ADD = Statement(_add)


async def add_results(work: "ExecutorWork", learned: Sequence[Learned]) -> None:
    rows = [_row(each, kind) for each in learned for kind in (ALL, each.kind)]
    # In the order of the keys: two transactions that count the same agents do not wait for each other in turn.
    await work.execute(_ADD, sorted(rows, key=lambda row: (row["workspace_id"], row["agent"], row["kind"])))


async def results_of(
    work: "ExecutorWork", agents: Collection[tuple[WorkspaceId, str]], *, by_kind: bool = False
) -> dict[tuple[WorkspaceId, str, str], Results]:
    """By workspace, agent and kind; those that have none are missing."""
    if not agents:
        return {}
    names: dict[WorkspaceId, list[str]] = {}
    for workspace_id, name in agents:
        names.setdefault(workspace_id, []).append(name)
    mine = (
        and_(_C.workspace_id == workspace_id, work.dialect.one_of(_C.agent, sorted(each)))
        for workspace_id, each in names.items()
    )
    query = select(AGENT_RESULT).where(or_(*mine))
    rows = await work.connection.execute(query if by_kind else query.where(_C.kind == ALL))
    return {(row.workspace_id, row.agent, row.kind): _results(row) for row in rows}


def _row(each: Learned, kind: str) -> dict[str, Any]:
    """As the first of its agent and kind."""
    value = SUCCESS[each.outcome]
    return {
        "workspace_id": each.workspace_id,
        "agent": each.agent,
        "kind": kind,
        **{outcome: int(outcome == each.outcome) for outcome in _OUTCOMES},
        "success": value,
        "quality": value,
        "degraded": False,
        "cost_micros": each.cost_micros,
        "duration_ms": each.duration_ms,
    }


def _results(row: Any) -> Results:
    return Results(
        **{outcome: getattr(row, outcome) for outcome in _OUTCOMES},
        success=row.success,
        quality=row.quality,
        degraded=row.degraded,
        cost_micros=row.cost_micros,
        duration_ms=row.duration_ms,
    )
