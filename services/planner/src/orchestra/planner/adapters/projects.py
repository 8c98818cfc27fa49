"""Projects on SQL."""

from sqlalchemy import ColumnElement, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.planner.adapters.tables import PROJECT
from orchestra.planner.application.views import Project

_SHOWN = (PROJECT.c.id, PROJECT.c.name, PROJECT.c.created_at)


class SqlProjects:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, workspace_id: WorkspaceId, project: Project) -> None:
        await self._work.connection.execute(
            self._work.dialect.insert(PROJECT)
            .values(workspace_id=workspace_id, id=project.id, name=project.name, created_at=project.created_at)
            .on_conflict_do_nothing()
        )

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None:
        query = select(*_SHOWN).where(*_is(workspace_id, project_id))
        row = (await self._work.connection.execute(query)).first()
        return Project(*row) if row else None

    async def page(self, workspace_id: WorkspaceId, *, after: ProjectId, limit: int) -> list[Project]:
        query = select(*_SHOWN).where(PROJECT.c.workspace_id == workspace_id, PROJECT.c.id > after)
        rows = await self._work.connection.execute(query.order_by(PROJECT.c.id).limit(limit))
        return [Project(*row) for row in rows]

    async def versions(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        query = select(PROJECT.c.plan_versions).where(*_is(workspace_id, project_id))
        return (await self._work.connection.execute(query)).scalar_one()

    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        query = select(PROJECT.c.plan_versions).where(*_is(workspace_id, project_id))
        return (await self._work.connection.execute(self._work.dialect.locked(query))).scalar_one()

    async def give_version(self, workspace_id: WorkspaceId, project_id: ProjectId, version: int) -> None:
        await self._work.connection.execute(
            update(PROJECT).where(*_is(workspace_id, project_id)).values(plan_versions=version)
        )


def _is(workspace_id: WorkspaceId, project_id: ProjectId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (PROJECT.c.workspace_id == workspace_id, PROJECT.c.id == project_id)
