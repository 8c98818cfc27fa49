"""Projects on SQL."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.planner.adapters.tables import PROJECT
from orchestra.planner.application.views import Project
from orchestra.planner.domain.errors import ProjectArchived

_SHOWN = [PROJECT.c[name] for name in Project.__dataclass_fields__]


class SqlProjects:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, workspace_id: WorkspaceId, project: Project) -> None:
        await self._work.connection.execute(
            self._work.dialect.insert(PROJECT)
            .values(workspace_id=workspace_id, **vars(project))
            .on_conflict_do_nothing()
        )

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None:
        query = select(*_SHOWN).where(*_is(workspace_id, project_id))
        row = (await self._work.connection.execute(query)).first()
        return Project(*row) if row else None

    async def page(
        self, workspace_id: WorkspaceId, *, after: ProjectId, limit: int, archived: bool | None = None
    ) -> list[Project]:
        query = select(*_SHOWN).where(PROJECT.c.workspace_id == workspace_id, PROJECT.c.id > after)
        if archived is not None:
            query = query.where(PROJECT.c.archived_at.is_not(None) if archived else PROJECT.c.archived_at.is_(None))
        rows = await self._work.connection.execute(query.order_by(PROJECT.c.id).limit(limit))
        return [Project(*row) for row in rows]

    async def versions(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        query = select(PROJECT.c.plan_versions).where(*_is(workspace_id, project_id))
        return (await self._work.connection.execute(query)).scalar_one()

    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        query = select(PROJECT).where(*_is(workspace_id, project_id))
        row = (await self._work.connection.execute(self._work.dialect.locked(query))).one()
        if row.archived_at is not None and self._work.by is not None:
            raise ProjectArchived(f"The project {project_id} is archived and takes no changes.")
        return row.plan_versions

    async def give_version(self, workspace_id: WorkspaceId, project_id: ProjectId, version: int) -> None:
        await self._work.connection.execute(
            update(PROJECT).where(*_is(workspace_id, project_id)).values(plan_versions=version)
        )

    async def describe(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str, description: str) -> None:
        await self._work.connection.execute(
            update(PROJECT).where(*_is(workspace_id, project_id)).values(name=name, description=description)
        )

    async def file(
        self, workspace_id: WorkspaceId, project_id: ProjectId, archived_at: datetime | None, archiving: int
    ) -> None:
        earlier = (*_is(workspace_id, project_id), PROJECT.c.archivings < archiving)
        await self._work.connection.execute(
            update(PROJECT).where(*earlier).values(archived_at=archived_at, archivings=archiving)
        )


def _is(workspace_id: WorkspaceId, project_id: ProjectId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (PROJECT.c.workspace_id == workspace_id, PROJECT.c.id == project_id)
