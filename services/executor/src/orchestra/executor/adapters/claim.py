"""Which queued attempts are taken next: the oldest, and of several workspaces by turns.

The n-th attempt of a workspace that has h under lease has turn h + n; the lowest turns go first. So a workspace with a
thousand attempts keeps nobody waiting for more than a turn. Where one workspace has all that is queued, one statement
takes its oldest.
"""

from typing import Any

from sqlalchemy import CTE, Executable, Integer, ScalarSelect, Select, String, func, select, true, update

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, given
from orchestra.executor.adapters.tables import ATTEMPT, HELD, QUEUED

HOLDING = (ATTEMPT.c.dispatch, ATTEMPT.c.lease_owner, ATTEMPT.c.started_at, ATTEMPT.c.trace)

# A dry run has had its end when it was accepted; one that is queued must never be performed.
_WAITING = (QUEUED, ATTEMPT.c.dry_run.is_(False), ATTEMPT.c.kind == given("kind", String()))


def _end(of: Any) -> ScalarSelect[Any]:
    """The first or last workspace with queued attempts: one step in the index."""
    return select(of(ATTEMPT.c.workspace_id)).where(*_WAITING).correlate(None).scalar_subquery()


def _oldest(dialect: Dialect) -> Executable:
    alone = _end(func.min) == _end(func.max)
    oldest = select(ATTEMPT.c.id).where(*_WAITING, alone).order_by(ATTEMPT.c.id).limit(given("limit", Integer))
    return _taken(dialect, oldest)


def _these(dialect: Dialect) -> Executable:
    return _taken(dialect, select(ATTEMPT.c.id).where(*_WAITING, dialect.among(ATTEMPT.c.id, "ids")))


def _taken(dialect: Dialect, which: Select[Any]) -> Executable:
    due = dialect.locked(which, skip_locked=True).cte("due")
    values = {"lease_owner": given("owner"), "lease_until": given("until"), "started_at": given("now")}
    taken = update(ATTEMPT).where(ATTEMPT.c.id.in_(select(due.c.id))).values(status="leased", **values)
    return taken.returning(*HOLDING)


def _workspaces() -> CTE:
    """Those with queued attempts; each is a step in the index."""
    first = select(func.min(ATTEMPT.c.workspace_id).label("id")).where(*_WAITING).cte("workspaces", recursive=True)
    after = select(func.min(ATTEMPT.c.workspace_id)).where(*_WAITING, ATTEMPT.c.workspace_id > first.c.id)
    return first.union_all(select(after.scalar_subquery()).where(first.c.id.is_not(None)))


def _places(dialect: Dialect) -> Select[Any, Any, Any]:
    """What is queued, with its place in its workspace; of each workspace no more than could be taken."""
    if dialect.single_writer:
        place = func.row_number().over(partition_by=ATTEMPT.c.workspace_id, order_by=ATTEMPT.c.id)
        return select(ATTEMPT.c.id, ATTEMPT.c.workspace_id, place.label("place")).where(*_WAITING)
    workspaces = _workspaces()
    oldest = (
        select(ATTEMPT.c.id, ATTEMPT.c.workspace_id)
        .where(*_WAITING, ATTEMPT.c.workspace_id == workspaces.c.id)
        .order_by(ATTEMPT.c.id)
        .limit(given("limit", Integer))
        .lateral("oldest")
    )
    place = func.row_number().over(partition_by=oldest.c.workspace_id, order_by=oldest.c.id)
    joined = workspaces.join(oldest, true())
    return select(oldest.c.id, oldest.c.workspace_id, place.label("place")).select_from(joined)


def _turns(dialect: Dialect) -> Executable:
    places = _places(dialect).cte("places")
    number = func.count().label("number")
    held = select(ATTEMPT.c.workspace_id, number).where(HELD).group_by(ATTEMPT.c.workspace_id).cte("held")
    return (
        select(places.c.id)
        .outerjoin(held, held.c.workspace_id == places.c.workspace_id)
        .order_by(places.c.place + func.coalesce(held.c.number, 0), places.c.id)
        .limit(given("limit", Integer))
    )


CLAIM = Statement(_oldest)
"""The oldest, where one workspace has all that is queued; else none."""

TURNS = Statement(_turns)
"""The ids of those whose turn it is."""

CLAIM_THESE = Statement(_these)
