"""Projects and plans on SQL."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, exists, func, or_, select, update

from orchestra.chassis.database.statement import Statement, Write, given
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import PlanId, ProjectId, WorkspaceId
from orchestra.scheduler.adapters.limit_tables import ADMISSION_LIMIT
from orchestra.scheduler.adapters.rows import grain_of, grain_to_json
from orchestra.scheduler.adapters.tables import PLAN, PROJECT, TASK, TASK_CHANGE
from orchestra.scheduler.application.ports import Key
from orchestra.scheduler.application.project_ports import Plan, Project
from orchestra.scheduler.domain.errors import ProjectArchived
from orchestra.scheduler.domain.timeline.grain import Grain

_COLUMNS = tuple(PROJECT.columns.keys())
_THIS = (PROJECT.c.workspace_id == given("workspace"), PROJECT.c.id == given("project"))
_LIMITED = exists().where(ADMISSION_LIMIT.c.workspace_id == given("workspace")).label("limited")
_HOLD = Statement(lambda dialect: dialect.held(PROJECT, "sequence", _THIS, *PROJECT.c, _LIMITED))
_MARK = Write(
    lambda v: (
        update(PROJECT)
        .where(PROJECT.c.workspace_id == v("workspace"), PROJECT.c.id == v("project"))
        .values(stale_cause=func.coalesce(PROJECT.c.stale_cause, v("cause")), stale_count=PROJECT.c.stale_count + 1)
    ),
    {"workspace": String(), "project": String(), "cause": Text()},
)


class SqlProjects:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._marked: set[Key] = set()
        """Whose schedule this transaction has called stale: once is enough, and its first cause stands."""
        self._limited: set[WorkspaceId] = set()

    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
        project = await self.hold_archived_or_not(workspace_id, project_id)
        if project.archived_at is not None and self._work.by is not None:
            raise ProjectArchived(project_id)
        return project

    async def hold_archived_or_not(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
        rows = await self._work.fetch(_HOLD, workspace=workspace_id, project=project_id)
        if not rows:
            insert = self._work.dialect.insert(PROJECT).values(workspace_id=workspace_id, id=project_id)
            await self._work.connection.execute(insert.on_conflict_do_nothing())
            rows = await self._work.fetch(_HOLD, workspace=workspace_id, project=project_id)
        *columns, limited = rows[0]
        if limited:
            self._limited.add(workspace_id)
        return _project(dict(zip(_COLUMNS, columns, strict=True)))

    def limited(self, workspace_id: WorkspaceId) -> bool:
        return workspace_id in self._limited

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None:
        query = select(PROJECT).where(*_is(workspace_id, project_id))
        row = (await self._work.connection.execute(query)).mappings().first()
        return _project(row) if row else None

    async def set_grain(self, project: Project, grain: Grain) -> None:
        await self._set(project, calendar=grain_to_json(grain))

    async def set_people_choose(self, project: Project, people_choose: bool) -> None:
        await self._set(project, people_choose=people_choose)

    async def set_archived(self, project: Project, at: datetime | None) -> Project:
        after = replace(project, archived_at=at, archivings=project.archivings + 1)
        await self._set(project, archived_at=at, archivings=after.archivings)
        return after

    async def graph_changed(self, project: Project) -> int:
        await self._set(project, graph_version=project.graph_version + 1)
        return project.graph_version + 1

    async def _set(self, project: Project, **values: Any) -> None:
        await self._work.connection.execute(
            update(PROJECT).where(*_is(project.workspace_id, project.id)).values(**values)
        )

    def mark_stale(self, keys: Iterable[Key], cause: str) -> None:
        fresh = sorted(set(keys) - self._marked)
        self._marked |= set(fresh)
        self._work.later(_MARK, [{"workspace": key[0], "project": key[1], "cause": cause[:500]} for key in fresh])

    async def stale(self, limit: int) -> list[Key]:
        rested = or_(PROJECT.c.rests_until.is_(None), PROJECT.c.rests_until <= self._work.now)
        query = (
            select(PROJECT.c.workspace_id, PROJECT.c.id)
            .where(PROJECT.c.stale_cause.is_not(None), rested)
            .order_by(PROJECT.c.rests_until)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in await self._work.connection.execute(query)]

    async def put_off(self, key: Key, until: datetime) -> None:
        await self._work.connection.execute(update(PROJECT).where(*_is(*key)).values(rests_until=until))

    async def overdue(self, limit: int) -> list[Key]:
        late = exists().where(
            TASK.c.workspace_id == PROJECT.c.workspace_id,
            TASK.c.project_id == PROJECT.c.id,
            TASK.c.status == "running",
            TASK.c.planned_end < self._work.now,
            TASK.c.planned_end > PROJECT.c.recalculated_at,
        )
        query = select(PROJECT.c.workspace_id, PROJECT.c.id).where(PROJECT.c.stale_cause.is_(None), late).limit(limit)
        return [(row[0], row[1]) for row in await self._work.connection.execute(query)]

    async def untold(self, before: datetime, limit: int) -> list[Key]:
        waiting = exists().where(
            TASK_CHANGE.c.workspace_id == PROJECT.c.workspace_id, TASK_CHANGE.c.project_id == PROJECT.c.id
        )
        rested = or_(PROJECT.c.told_at.is_(None), PROJECT.c.told_at <= before)
        query = select(PROJECT.c.workspace_id, PROJECT.c.id).where(waiting, rested).limit(limit)
        return [(row[0], row[1]) for row in await self._work.connection.execute(query)]

    async def next_sequence(self, key: Key) -> int:
        rows = await self._work.connection.execute(
            update(PROJECT)
            .where(*_is(*key))
            .values(sequence=PROJECT.c.sequence + 1, told_at=self._work.now)
            .returning(PROJECT.c.sequence)
        )
        return rows.scalar_one()


class SqlPlans:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def find(self, plan_id: PlanId) -> Plan | None:
        row = (await self._work.connection.execute(select(PLAN).where(PLAN.c.id == plan_id))).mappings().first()
        return Plan(**row) if row else None

    async def newest(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Plan | None:
        mine = (PLAN.c.workspace_id == workspace_id, PLAN.c.project_id == project_id)
        query = select(PLAN).where(*mine).order_by(PLAN.c.version.desc()).limit(1)
        row = (await self._work.connection.execute(query)).mappings().first()
        return Plan(**row) if row else None

    async def add(self, plan: Plan) -> None:
        await self._work.connection.execute(PLAN.insert().values(**vars(plan)))


def _is(workspace_id: WorkspaceId, project_id: ProjectId) -> tuple[Any, Any]:
    return (PROJECT.c.workspace_id == workspace_id, PROJECT.c.id == project_id)


def _project(row: Any) -> Project:
    return Project(
        workspace_id=row["workspace_id"],
        id=row["id"],
        graph_version=row["graph_version"],
        schedule_version=row["schedule_version"],
        stale_cause=row["stale_cause"],
        stale_count=row["stale_count"],
        grain=grain_of(row["calendar"]),
        people_choose=row["people_choose"],
        archived_at=row["archived_at"],
        archivings=row["archivings"],
    )
