"""Members and roles on SQL."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, delete, select, update

from orchestra.chassis.database.statement import Row, Statement, given
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import MemberId, ProjectId, WorkspaceId
from orchestra.scheduler.adapters.rows import member_of, member_to_json
from orchestra.scheduler.adapters.tables import MEMBER, ROLE, TASK
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.status import TERMINAL

_COLUMNS = tuple(MEMBER.columns.keys())
OF_PROJECT = Statement(
    lambda _: (
        select(MEMBER)
        .where(MEMBER.c.workspace_id == given("workspace"), MEMBER.c.project_id == given("project"), MEMBER.c.active)
        .order_by(MEMBER.c.key)
    )
)


def members_of(rows: Iterable[Row]) -> list[Member]:
    """From what OF_PROJECT returns."""
    return [member_of(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


class SqlMembers:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Member]:
        return members_of(await self._work.fetch(OF_PROJECT, workspace=workspace_id, project=project_id))

    async def replace(self, project: Project, members: Sequence[Member]) -> list[MemberId]:
        keys = {member.key for member in members}
        before = await self.of_project(project.workspace_id, project.id)
        for member in members:
            await self.put(project, member)
        gone = [member.id for member in before if member.key not in keys]
        if gone:
            await self.dismiss(gone)
        return gone

    async def put(self, project: Project, member: Member) -> Member:
        values = {"definition": member_to_json(member), "active": True}
        rows = await self._work.connection.execute(
            self._work.dialect.insert(MEMBER)
            .values(id=member.id, workspace_id=project.workspace_id, project_id=project.id, key=member.key, **values)
            .on_conflict_do_update(index_elements=["project_id", "workspace_id", "key"], set_=values)
            .returning(MEMBER)
        )
        return member_of(rows.mappings().one())

    async def dismiss(self, member_ids: Sequence[MemberId]) -> None:
        await self._work.connection.execute(update(MEMBER).where(MEMBER.c.id.in_(member_ids)).values(active=False))

    async def reasons(self, project: Project) -> dict[MemberId, dict[date, str]]:
        query = select(MEMBER.c.id, MEMBER.c.reasons).where(
            MEMBER.c.workspace_id == project.workspace_id,
            MEMBER.c.project_id == project.id,
            MEMBER.c.active,
            MEMBER.c.reasons.is_not(None),
        )
        rows = await self._work.connection.execute(query)
        return {row[0]: {date.fromisoformat(day): reason for day, reason in row[1].items()} for row in rows}

    async def give_reasons(self, member_id: MemberId, reasons: Mapping[date, str]) -> None:
        content = {day.isoformat(): reason for day, reason in sorted(reasons.items()) if reason}
        await self._work.connection.execute(
            update(MEMBER).where(MEMBER.c.id == member_id).values(reasons=content or None)
        )


class SqlRoles:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def declared(self, project: Project) -> list[str]:
        query = select(ROLE.c.name).where(*_of(project)).order_by(ROLE.c.name)
        return list((await self._work.connection.execute(query)).scalars())

    async def needed(self, project: Project) -> dict[str, list[str]]:
        query = (
            select(TASK.c.role, TASK.c.key)
            .where(
                TASK.c.workspace_id == project.workspace_id,
                TASK.c.project_id == project.id,
                TASK.c.role.is_not(None),
                TASK.c.status.not_in(sorted(TERMINAL - {"failed"})),
            )
            .order_by(TASK.c.plan_id, TASK.c.position)
        )
        needed: defaultdict[str, list[str]] = defaultdict(list)
        for role, key in await self._work.connection.execute(query):
            needed[role].append(key)
        return dict(needed)

    async def declare(self, project: Project, name: str) -> None:
        await self._work.connection.execute(
            ROLE.insert().values(
                workspace_id=project.workspace_id, project_id=project.id, name=name, declared_at=self._work.now
            )
        )

    async def forget(self, project: Project, name: str) -> None:
        await self._work.connection.execute(delete(ROLE).where(*_of(project), ROLE.c.name == name))


def _of(project: Project) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (ROLE.c.workspace_id == project.workspace_id, ROLE.c.project_id == project.id)
