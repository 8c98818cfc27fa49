"""The gates of the work graph on SQL: what is still closed, which lags are counted, whose end may come.

An edge without a lag is open or closed by its predecessor's state alone. A lag is counted in the edge's row, from the
transaction in which its predecessor started or ended; so it goes on over restarts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.ids import PlanId, RunId, TaskId
from orchestra.scheduler.adapters.rows import TASK_COLUMNS, task_of
from orchestra.scheduler.adapters.tables import DEPENDENCY, RUN, TASK
from orchestra.scheduler.application.gate_ports import Finished, Key, Lag, Standing
from orchestra.scheduler.domain.work.dependency import Edge, Gate
from orchestra.scheduler.domain.work.status import BEGUN, RELEASING
from orchestra.scheduler.domain.work.task import Task

EDGE_COLUMNS = [DEPENDENCY.c[name] for name in ("predecessor", "successor", "kind", "lag_minutes", "clock")]
_PREDECESSOR = [TASK.c[name] for name in ("workspace_id", "project_id", "status", "started_at", "ended_at")]
_COUNTED = func.coalesce(DEPENDENCY.c.opens_at, DEPENDENCY.c.opened_at)
_AFTER_START = ("SS", "SF")
_BEFORE_END = ("FF", "SF")
_THIS_EDGE = and_(
    DEPENDENCY.c.successor == bindparam("b_successor"),
    DEPENDENCY.c.predecessor == bindparam("b_predecessor"),
    DEPENDENCY.c.kind == bindparam("b_kind"),
)


class SqlGates:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute
        self._one_of = work.dialect.one_of

    async def into(self, task_id: TaskId) -> list[Gate]:
        query = select(*TASK_COLUMNS, *EDGE_COLUMNS, _COUNTED.label("counted"))
        query = query.join(DEPENDENCY, DEPENDENCY.c.predecessor == TASK.c.id).where(DEPENDENCY.c.successor == task_id)
        rows = (await self._execute(query.order_by(TASK.c.position, DEPENDENCY.c.kind))).mappings()
        return [Gate(edge_of(row), task_of(row), row["counted"]) for row in rows]

    async def lags(self, predecessors: Sequence[TaskId]) -> list[Lag]:
        return await self._lags(self._one_of(DEPENDENCY.c.predecessor, predecessors))

    async def lags_of_plan(self, plan_id: PlanId) -> list[Lag]:
        return await self._lags(TASK.c.plan_id == plan_id)

    async def uncounted(self, limit: int) -> list[Lag]:
        return await self._lags(_COUNTED.is_(None), _reached(TASK), limit=limit)

    async def _lags(self, *where: ColumnElement[bool], limit: int | None = None) -> list[Lag]:
        query = (
            select(*EDGE_COLUMNS, *_PREDECESSOR, RUN.c.dry_run, _COUNTED.label("counted"))
            .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
            .outerjoin(RUN, RUN.c.id == TASK.c.run_id)
            .where(DEPENDENCY.c.lag_minutes > 0, *where)
            .limit(limit)
        )
        return [
            Lag(
                edge=edge_of(row),
                key=(row["workspace_id"], row["project_id"]),
                status=row["status"],
                waived=bool(row["dry_run"]),
                opens_at=row["counted"],
                started_at=row["started_at"],
                ended_at=row["ended_at"],
            )
            for row in (await self._execute(query)).mappings()
        ]

    async def count_down(self, counted: Sequence[tuple[Edge, datetime]]) -> None:
        await self._execute(
            update(DEPENDENCY).where(_THIS_EDGE).values(opens_at=bindparam("b_opens_at"), opened_at=None),
            [{**_key(edge), "b_opens_at": opens_at} for edge, opens_at in counted],
        )

    async def forget(self, predecessors: Sequence[TaskId]) -> None:
        await self._uncount(predecessors, DEPENDENCY.c.kind.in_(_AFTER_START))

    async def restart(self, predecessors: Sequence[TaskId]) -> None:
        await self._uncount(predecessors)

    async def _uncount(self, predecessors: Sequence[TaskId], *which: ColumnElement[bool]) -> None:
        mine = (self._one_of(DEPENDENCY.c.predecessor, predecessors), DEPENDENCY.c.lag_minutes > 0, *which)
        await self._execute(update(DEPENDENCY).where(*mine).values(opens_at=None, opened_at=None))

    async def due(self, limit: int) -> list[tuple[Key, Edge]]:
        query = (
            select(*EDGE_COLUMNS, *_PREDECESSOR)
            .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
            .where(DEPENDENCY.c.opens_at <= self._work.now)
            .order_by(DEPENDENCY.c.opens_at)
            .limit(limit)
        )
        rows = (await self._execute(query)).mappings()
        return [((row["workspace_id"], row["project_id"]), edge_of(row)) for row in rows]

    async def open(self, edges: Sequence[Edge]) -> None:
        await self._execute(
            update(DEPENDENCY)
            .where(_THIS_EDGE, DEPENDENCY.c.opens_at <= self._work.now)
            .values(opened_at=DEPENDENCY.c.opens_at, opens_at=None),
            [_key(edge) for edge in edges],
        )

    async def held_ends(self, task_ids: Sequence[TaskId]) -> set[TaskId]:
        query = select(TASK.c.id).where(self._one_of(TASK.c.id, task_ids), held_back(self._work.now, ends=True))
        return set((await self._execute(query)).scalars())

    async def ends_after(self, predecessors: Sequence[TaskId]) -> list[Finished]:
        edges = select(DEPENDENCY.c.successor).where(
            self._one_of(DEPENDENCY.c.predecessor, predecessors), DEPENDENCY.c.kind.in_(_BEFORE_END)
        )
        return await self._finished(self._ends().where(TASK.c.id.in_(edges)))

    async def ends_of(self, task_ids: Sequence[TaskId]) -> list[Finished]:
        return await self._finished(self._ends().where(self._one_of(TASK.c.id, task_ids)))

    async def ends_of_plan(self, plan_id: PlanId) -> list[Finished]:
        return await self._finished(self._ends().where(TASK.c.plan_id == plan_id))

    async def forgotten_ends(self, limit: int) -> list[Task]:
        return [each.task for each in await self._finished(self._ends().limit(limit))]

    def _ends(self) -> Select[Any]:
        """Tasks whose work is done and whose end nothing holds back any more."""
        performed = and_(TASK.c.status == "in_review", TASK.c.performed_at.is_not(None))
        query = select(*TASK_COLUMNS, TASK.c.outputs, TASK.c.evidence).order_by(TASK.c.position)
        return query.where(performed, ~held_back(self._work.now, ends=True))

    async def _finished(self, query: Select[Any]) -> list[Finished]:
        return [
            Finished(
                task=task_of(row),
                started_at=row["started_at"],
                ended_at=self._work.now,
                outputs=tuple(Artifact.model_validate(each) for each in row["outputs"] or ()),
                evidence=Evidence.model_validate(row["evidence"]) if row["evidence"] else None,
            )
            for row in (await self._execute(query)).mappings()
        ]

    async def standing(self, run_id: RunId) -> Standing:
        held = and_(TASK.c.status == "in_review", TASK.c.performed_at.is_not(None))
        counted = and_(DEPENDENCY.c.successor == TASK.c.id, DEPENDENCY.c.opens_at.is_not(None))
        starts = and_(TASK.c.status == "blocked", ~held_back(None))
        ends = and_(held, ~held_back(None, ends=True))
        counting = and_(exists().where(counted), or_(starts, ends))
        mine = TASK.c.run_id == run_id
        query = select(
            select(func.count()).select_from(TASK).where(mine, held).scalar_subquery(),
            exists().where(mine, counting),
        )
        row = (await self._execute(query)).one()
        return Standing(held=row[0], counting=bool(row[1]))


def edge_of(row: Any) -> Edge:
    return Edge(row["predecessor"], row["successor"], row["kind"], row["lag_minutes"], row["clock"])


def marks() -> dict[str, ColumnElement[bool]]:
    """What a task says of itself, from the edges that stand."""
    plain = and_(DEPENDENCY.c.kind == "FS", DEPENDENCY.c.lag_minutes == 0)
    return {
        "watched": exists().where(DEPENDENCY.c.predecessor == TASK.c.id, ~plain).correlate(TASK),
        "end_gated": exists()
        .where(DEPENDENCY.c.successor == TASK.c.id, DEPENDENCY.c.kind.in_(_BEFORE_END))
        .correlate(TASK),
    }


def _key(edge: Edge) -> dict[str, str]:
    return {"b_successor": edge.successor, "b_predecessor": edge.predecessor, "b_kind": edge.kind}


def _reached(predecessor: Any) -> ColumnElement[bool]:
    """What the edge waits for stands, its lag apart."""
    begun = and_(DEPENDENCY.c.kind.in_(_AFTER_START), predecessor.c.status.in_(sorted(BEGUN)))
    return or_(predecessor.c.status.in_(sorted(RELEASING)), begun)


def held_back(
    now: datetime | ColumnElement[datetime] | None, *, ends: bool = False, but_for: Any = None
) -> ColumnElement[bool]:
    """The task has a gate that is closed: one of its start, or of its end.

    A lag that is counted holds back until `now`; without `now` it does not count: time alone will open it. `but_for` is
    a predecessor whose gates are left out.
    """
    earlier = TASK.alias("earlier")
    running = DEPENDENCY.c.opens_at.is_(None) if now is None else _still(now)
    # Written without a negated comparison with NULL: what is unknown must hold back.
    counting = and_(
        DEPENDENCY.c.lag_minutes > 0, earlier.c.status != "skipped", DEPENDENCY.c.opened_at.is_(None), running
    )
    kinds = DEPENDENCY.c.kind.in_(_BEFORE_END) if ends else DEPENDENCY.c.kind.not_in(_BEFORE_END)
    return exists(
        select(DEPENDENCY.c.successor)
        .join(earlier, earlier.c.id == DEPENDENCY.c.predecessor)
        .where(DEPENDENCY.c.successor == TASK.c.id, kinds, or_(~_reached(earlier), counting))
        .where(*() if but_for is None else (DEPENDENCY.c.predecessor != but_for,))
        .correlate(TASK)
    )


def _still(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    return or_(DEPENDENCY.c.opens_at.is_(None), DEPENDENCY.c.opens_at > now)
