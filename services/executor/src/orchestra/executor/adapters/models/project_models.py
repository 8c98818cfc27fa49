"""Models that projects have chosen, in the database."""

from typing import Any

from sqlalchemy import delete, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.tables import PROJECT_MODEL
from orchestra.executor.application.models.choices import ChosenModel

_C = PROJECT_MODEL.c


class SqlProjectModels:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute

    async def put(self, workspace_id: WorkspaceId, project_id: ProjectId, chosen: ChosenModel) -> None:
        named = {"workspace_id": workspace_id, "project_id": project_id}
        values = {"choice": chosen.choice, "set_at": chosen.set_at}
        insert = self._work.dialect.insert(PROJECT_MODEL).values(**named, **values)
        await self._run(insert.on_conflict_do_update(index_elements=list(named), set_=values))

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> ChosenModel | None:
        row = (await self._run(select(_C.choice, _C.set_at).where(*_is(workspace_id, project_id)))).first()
        return ChosenModel(*row) if row is not None else None

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId) -> bool:
        result = await self._run(delete(PROJECT_MODEL).where(*_is(workspace_id, project_id)))
        return result.rowcount > 0


def _is(workspace_id: WorkspaceId, project_id: ProjectId) -> tuple[Any, Any]:
    return (_C.workspace_id == workspace_id, _C.project_id == project_id)
