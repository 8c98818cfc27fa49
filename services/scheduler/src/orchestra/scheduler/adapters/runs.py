"""Runs, dispatches and untold changes on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, and_, delete, exists, or_, select, update

from orchestra.chassis.database.statement import Statement, Write, given
from orchestra.chassis.database.types import Instant
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.execution import FailureClass
from orchestra.contracts.ids import AttemptId, PlanId, ProjectId, RunId, WorkspaceId
from orchestra.contracts.scheduling import TaskChange
from orchestra.scheduler.adapters.rows import (
    DISPATCH_COLUMNS,
    RUN_FIELDS,
    TASK_COLUMNS,
    dispatch_from,
    run_of,
    task_from,
)
from orchestra.scheduler.adapters.tables import DISPATCH, DUE, LEFTOVER, PLAN, RUN, TASK, TASK_CHANGE
from orchestra.scheduler.application.ports import Dispatch, Key
from orchestra.scheduler.domain.errors import UnknownRun
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

_RUN = [RUN.c[name] for name in RUN_FIELDS]


_GET = Statement(lambda _: select(*_RUN).where(RUN.c.id == given("run")))
_END = Write(
    lambda v: (
        update(DISPATCH)
        .where(DISPATCH.c.attempt_id == v("attempt"))
        .values(status=v("status"), failure=v("failure"), ended_at=v("now"))
    ),
    {"attempt": String(), "status": String(), "failure": String(), "now": Instant()},
)
_ADD_CHANGE = Write.into(TASK_CHANGE, "workspace_id", "project_id", "run_id", "body")


class SqlRuns:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._work = work

    async def _one(self, *where: Any) -> Run | None:
        row = (await self._execute(select(*_RUN).where(*where))).mappings().first()
        return run_of(row) if row else None

    async def find(self, workspace_id: WorkspaceId, run_id: RunId) -> Run:
        """Raises UnknownRun; a run of another workspace is one."""
        found = await self._one(RUN.c.id == run_id, RUN.c.workspace_id == workspace_id)
        if found is None:
            raise UnknownRun(run_id)
        return found

    async def get(self, run_id: RunId) -> Run:
        found = await self._work.fetch(_GET, run=run_id)
        if not found:
            raise UnknownRun(run_id)
        return Run(*found[0])

    async def of_plan(self, key: Key, plan_id: PlanId) -> Run | None:
        mine = (RUN.c.workspace_id == key[0], RUN.c.project_id == key[1])
        return await self._one(RUN.c.plan_id == plan_id, *mine)

    async def add(self, run: Run) -> None:
        await self._execute(RUN.insert().values(**asdict(run)))

    async def save(self, run: Run) -> None:
        await self._execute(update(RUN).where(RUN.c.id == run.id).values(**asdict(run)))

    async def open_in(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Run]:
        query = (
            select(*_RUN)
            .join(PLAN, PLAN.c.id == RUN.c.plan_id)
            .where(
                RUN.c.workspace_id == workspace_id,
                RUN.c.project_id == project_id,
                RUN.c.status.in_(("accepted", "running", "waiting")),
            )
            .order_by(RUN.c.id)
        )
        return [run_of(row) for row in (await self._execute(query)).mappings()]

    async def unended(self, key: Key) -> list[Run]:
        mine = (RUN.c.workspace_id == key[0], RUN.c.project_id == key[1])
        query = select(*_RUN).where(*mine, RUN.c.status.not_in(("finished", "cancelled"))).order_by(RUN.c.id.desc())
        return [run_of(row) for row in (await self._execute(query)).mappings()]

    async def set_leftover(self, run_id: RunId, leftover: bool) -> None:
        await self._execute(update(RUN).where(RUN.c.id == run_id).values(leftover=leftover))

    async def with_leftover(self, limit: int) -> list[Run]:
        return await self._leftover(select(*_RUN).limit(limit))

    async def with_leftover_in(self, key: Key) -> list[Run]:
        return await self._leftover(select(*_RUN).where(RUN.c.workspace_id == key[0], RUN.c.project_id == key[1]))

    async def _leftover(self, query: Select[Any]) -> list[Run]:
        return [run_of(row) for row in (await self._execute(query.where(LEFTOVER).order_by(RUN.c.id))).mappings()]

    async def to_look_at(self, limit: int) -> list[RunId]:
        now = self._work.now
        due = select(TASK.c.run_id).where(DUE, TASK.c.paused_by.is_(None), TASK.c.not_before <= now)
        come = or_(RUN.c.start_at.is_(None), RUN.c.start_at <= now)
        stands = and_(RUN.c.status == "accepted", come, exists().where(PLAN.c.id == RUN.c.plan_id))
        going = and_(RUN.c.status.in_(("running", "waiting")), RUN.c.id.in_(due))
        return list((await self._execute(select(RUN.c.id).where(or_(going, stands)).limit(limit))).scalars())


class SqlDispatches:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._work = work

    async def heard(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, status="heard")

    async def recalled(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, status="recalled")

    def end(self, attempt_ids: Sequence[AttemptId], status: str, failure: FailureClass | None = None) -> None:
        same = {"status": status, "failure": failure, "now": self._work.now}
        self._work.later(_END, [{"attempt": attempt_id, **same} for attempt_id in attempt_ids])

    async def sent_again(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, sent_at=self._work.now)

    async def _set(self, attempt_ids: Sequence[AttemptId], **values: Any) -> None:
        if attempt_ids:
            await self._execute(
                update(DISPATCH).where(self._work.dialect.one_of(DISPATCH.c.attempt_id, attempt_ids)).values(**values)
            )

    async def silent(self, before: datetime, limit: int) -> list[tuple[Dispatch, Task]]:
        query = (
            select(*(DISPATCH.c[name] for name in DISPATCH_COLUMNS), *TASK_COLUMNS)
            .join(TASK, TASK.c.id == DISPATCH.c.task_id)
            .where(DISPATCH.c.status == "sent", DISPATCH.c.sent_at < before)
            .limit(limit)
        )
        rows = await self._execute(query)
        return [(dispatch_from(row), task_from(row[len(DISPATCH_COLUMNS) :])) for row in rows]


class SqlChanges:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute

    def add(self, key: Key, run_id: RunId | None, changes: Sequence[TaskChange]) -> None:
        workspace_id, project_id = key
        rows = [
            {
                "workspace_id": workspace_id,
                "project_id": project_id,
                "run_id": run_id,
                "body": change.model_dump(mode="json"),
            }
            for change in changes
        ]
        self._work.later(_ADD_CHANGE, rows)

    async def take(self, key: Key, limit: int) -> list[tuple[RunId | None, TaskChange]]:
        await self._work.flush()
        mine = and_(TASK_CHANGE.c.workspace_id == key[0], TASK_CHANGE.c.project_id == key[1])
        query = select(TASK_CHANGE).where(mine).order_by(TASK_CHANGE.c.position).limit(limit)
        rows = (await self._execute(query)).mappings().all()
        if rows:
            await self._execute(delete(TASK_CHANGE).where(TASK_CHANGE.c.position.in_([r["position"] for r in rows])))
        return [(row["run_id"], TaskChange.model_validate(row["body"])) for row in rows]
