"""Runs, dispatches and untold changes on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.execution import FailureClass
from orchestra.contracts.ids import AttemptId, PlanId, ProjectId, RunId, WorkspaceId
from orchestra.contracts.scheduling import TaskChange
from orchestra.scheduler.adapters.rows import RUN_FIELDS, run_of, task_of
from orchestra.scheduler.adapters.tables import DISPATCH, PLAN, RUN, TASK, TASK_CHANGE
from orchestra.scheduler.adapters.tasks import dispatch_of
from orchestra.scheduler.application.ports import Dispatch, Key
from orchestra.scheduler.domain.errors import UnknownRun
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

_RUN = [RUN.c[name] for name in RUN_FIELDS]


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
        found = await self._one(RUN.c.id == run_id)
        if found is None:
            raise UnknownRun(run_id)
        return found

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

    async def to_look_at(self, limit: int) -> list[RunId]:
        due = exists().where(
            TASK.c.run_id == RUN.c.id,
            TASK.c.status == "ready",
            TASK.c.paused_by.is_(None),
            TASK.c.not_before <= self._work.now,
        )
        stands = and_(RUN.c.status == "accepted", exists().where(PLAN.c.id == RUN.c.plan_id))
        going = and_(RUN.c.status.in_(("running", "waiting")), due)
        return list((await self._execute(select(RUN.c.id).where(or_(going, stands)).limit(limit))).scalars())


class SqlDispatches:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._work = work

    async def heard(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, status="heard")

    async def recalled(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, status="recalled")

    async def end(self, attempt_ids: Sequence[AttemptId], status: str, failure: FailureClass | None = None) -> None:
        await self._set(attempt_ids, status=status, failure=failure, ended_at=self._work.now)

    async def sent_again(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._set(attempt_ids, sent_at=self._work.now)

    async def _set(self, attempt_ids: Sequence[AttemptId], **values: Any) -> None:
        if attempt_ids:
            await self._execute(update(DISPATCH).where(DISPATCH.c.attempt_id.in_(attempt_ids)).values(**values))

    async def silent(self, before: datetime, limit: int) -> list[tuple[Dispatch, Task]]:
        columns = [DISPATCH.c[name].label(f"d_{name}") for name in ("attempt_id", "run_id", "member_id", "number")]
        query = (
            select(TASK, *columns, DISPATCH.c.token.label("d_token"), DISPATCH.c.status.label("d_status"))
            .join(TASK, TASK.c.id == DISPATCH.c.task_id)
            .where(DISPATCH.c.status == "sent", DISPATCH.c.sent_at < before)
            .limit(limit)
        )
        return [(dispatch_of(row), task_of(row)) for row in (await self._execute(query)).mappings()]


class SqlChanges:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute

    async def add(self, key: Key, run_id: RunId | None, changes: Sequence[TaskChange]) -> None:
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
        await self._execute(TASK_CHANGE.insert(), rows)

    async def take(self, key: Key, limit: int) -> list[tuple[RunId | None, TaskChange]]:
        mine = and_(TASK_CHANGE.c.workspace_id == key[0], TASK_CHANGE.c.project_id == key[1])
        query = select(TASK_CHANGE).where(mine).order_by(TASK_CHANGE.c.position).limit(limit)
        rows = (await self._execute(query)).mappings().all()
        if rows:
            await self._execute(delete(TASK_CHANGE).where(TASK_CHANGE.c.position.in_([r["position"] for r in rows])))
        return [(row["run_id"], TaskChange.model_validate(row["body"])) for row in rows]
