"""What time alone moves, on SQL. Each question is a step in an index that holds only what waits for time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import RunId, TaskId
from orchestra.scheduler.adapters.rows import RUN_FIELDS, TASK_COLUMNS, run_of, task_of
from orchestra.scheduler.adapters.tables import COUNTS, DEPENDENCY, DUE, EXPIRES, RUN, RUN_EXPIRES, TASK
from orchestra.scheduler.adapters.task_statements import AGENT
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

_GOING = ("running", "waiting")
_BEGUN = (*_GOING, "paused", "failed")


def _in_run(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    # No join: the conditions of the indexes name their columns without a table.
    return exists().where(RUN.c.id == TASK.c.run_id, *where)


class SqlTimes:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._one_of = work.dialect.one_of
        self._now = work.now

    async def come(self, run_id: RunId) -> None:
        come = (TASK.c.run_id == run_id, DUE, TASK.c.paused_by.is_(None), TASK.c.not_before <= self._now)
        await self._execute(update(TASK).where(*come).values(not_before=None))

    async def count(self, timers: Sequence[Task], ends_at: datetime) -> None:
        began = {"status": "running", "started_at": self._now, "not_before": None}
        mine = update(TASK).where(self._one_of(TASK.c.id, [timer.id for timer in timers]))
        await self._execute(mine.values(**began, ends_at=ends_at, planned_end=ends_at))

    async def over(self, limit: int, among: Sequence[TaskId] | None = None) -> list[Task]:
        over = (COUNTS, TASK.c.ends_at <= self._now, TASK.c.paused_by.is_(None), _in_run(RUN.c.status.in_(_GOING)))
        return await self._tasks(TASK.c.ends_at, limit, among, *over)

    async def expired(self, limit: int, among: Sequence[TaskId] | None = None) -> list[Task]:
        expired = (EXPIRES, TASK.c.expires_at <= self._now, TASK.c.pool.startswith(AGENT))
        begun = _in_run(~RUN.c.dry_run, RUN.c.status.in_(_BEGUN))
        return await self._tasks(TASK.c.expires_at, limit, among, *expired, begun)

    async def _tasks(
        self, by: ColumnElement[datetime], limit: int, among: Sequence[TaskId] | None, *where: Any
    ) -> list[Task]:
        query = select(*TASK_COLUMNS).where(*where).order_by(by).limit(limit)
        if among is not None:
            query = query.where(self._one_of(TASK.c.id, among))
        return [task_of(row) for row in (await self._execute(query)).mappings()]

    async def expired_runs(self, limit: int) -> list[Run]:
        query = select(*(RUN.c[name] for name in RUN_FIELDS)).where(RUN_EXPIRES, RUN.c.deadline <= self._now)
        rows = await self._execute(query.order_by(RUN.c.deadline).limit(limit))
        return [run_of(row) for row in rows.mappings()]

    async def coming(self) -> datetime | None:
        of_task, of_run, of_lag = TASK.c, RUN.c, DEPENDENCY.c
        instants = (
            self._next(of_task.not_before, DUE),
            self._next(of_task.ends_at, COUNTS),
            self._next(of_task.expires_at, EXPIRES),
            self._next(of_run.deadline, RUN_EXPIRES),
            self._next(of_run.start_at, of_run.status == "accepted"),
            self._next(of_lag.opens_at, of_lag.opens_at.is_not(None)),
        )
        row = (await self._execute(select(*instants))).one()
        return min((instant for instant in row if instant is not None), default=None)

    def _next(self, of: ColumnElement[datetime], *where: Any) -> Any:
        return select(func.min(of, type_=of.type)).where(of > self._now, *where).scalar_subquery()
