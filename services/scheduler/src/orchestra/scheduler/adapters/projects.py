"""Projects, plans and members on SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, tuple_, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import MemberId, PlanId, ProjectId, WorkspaceId
from orchestra.scheduler.adapters.rows import grain_of, grain_to_json, member_of, member_to_json
from orchestra.scheduler.adapters.tables import MEMBER, PLAN, PROJECT, TASK, TASK_CHANGE
from orchestra.scheduler.application.ports import Key, Plan, Project
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.grain import Grain


class SqlProjects:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
        insert = self._work.dialect.insert(PROJECT).values(workspace_id=workspace_id, id=project_id)
        query = self._work.dialect.locked(select(PROJECT).where(*_is(workspace_id, project_id)))
        row = (await self._work.connection.execute(query)).mappings().first()
        if row is None:
            await self._work.connection.execute(insert.on_conflict_do_nothing())
            row = (await self._work.connection.execute(query)).mappings().one()
        return _project(row)

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None:
        query = select(PROJECT).where(*_is(workspace_id, project_id))
        row = (await self._work.connection.execute(query)).mappings().first()
        return _project(row) if row else None

    async def set_grain(self, project: Project, grain: Grain) -> None:
        await self._set(project, calendar=grain_to_json(grain))

    async def graph_changed(self, project: Project) -> int:
        await self._set(project, graph_version=project.graph_version + 1)
        return project.graph_version + 1

    async def _set(self, project: Project, **values: Any) -> None:
        await self._work.connection.execute(
            update(PROJECT).where(*_is(project.workspace_id, project.id)).values(**values)
        )

    async def mark_stale(self, keys: Iterable[Key], cause: str) -> None:
        await self._work.connection.execute(
            update(PROJECT)
            .where(tuple_(PROJECT.c.workspace_id, PROJECT.c.id).in_(sorted(keys)))
            .values(
                stale_cause=func.coalesce(PROJECT.c.stale_cause, cause[:500]),
                stale_count=PROJECT.c.stale_count + 1,
            )
        )

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

    async def add(self, plan: Plan) -> None:
        await self._work.connection.execute(PLAN.insert().values(**vars(plan)))


class SqlMembers:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Member]:
        query = (
            select(MEMBER)
            .where(and_(MEMBER.c.workspace_id == workspace_id, MEMBER.c.project_id == project_id, MEMBER.c.active))
            .order_by(MEMBER.c.key)
        )
        return [member_of(row) for row in (await self._work.connection.execute(query)).mappings()]

    async def replace(self, project: Project, members: Sequence[Member]) -> list[MemberId]:
        keys = {member.key for member in members}
        before = await self.of_project(project.workspace_id, project.id)
        for member in members:
            values = {"definition": member_to_json(member), "active": True}
            await self._work.connection.execute(
                self._work.dialect.insert(MEMBER)
                .values(
                    id=member.id, workspace_id=project.workspace_id, project_id=project.id, key=member.key, **values
                )
                .on_conflict_do_update(index_elements=["project_id", "workspace_id", "key"], set_=values)
            )
        gone = [member.id for member in before if member.key not in keys]
        if gone:
            await self._work.connection.execute(update(MEMBER).where(MEMBER.c.id.in_(gone)).values(active=False))
        return gone


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
    )
