"""Servers of tools of projects in the database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.agents.servers.tables import TOOL_SERVER
from orchestra.executor.application.agents.servers.ports import ServerStatus, StoredServer
from orchestra.executor.application.models.keys import Sealed

USE_NOTED = timedelta(minutes=1)

_C = TOOL_SERVER.c


class SqlToolServers:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute

    async def put(self, server: StoredServer) -> None:
        status, token = server.status, server.token
        named = {"workspace_id": server.workspace_id, "project_id": server.project_id, "name": status.name}
        values = {
            "url": status.url,
            "key_version": token.version if token else None,
            "data_key": token.data_key if token else None,
            "secret": token.secret if token else None,
            "set_at": status.set_at,
            "last_used_at": status.last_used_at,
        }
        insert = self._work.dialect.insert(TOOL_SERVER).values(**named, **values)
        await self._run(insert.on_conflict_do_update(index_elements=list(named), set_=values))

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> StoredServer | None:
        row = (await self._run(select(TOOL_SERVER).where(*_is(workspace_id, project_id, name)))).first()
        return _stored(row) if row is not None else None

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Sequence[ServerStatus]:
        where = (_C.workspace_id == workspace_id, _C.project_id == project_id)
        rows = await self._run(select(TOOL_SERVER).where(*where).order_by(_C.name))
        return [_stored(row).status for row in rows]

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> bool:
        result = await self._run(delete(TOOL_SERVER).where(*_is(workspace_id, project_id, name)))
        return result.rowcount > 0

    async def used(self, server: StoredServer) -> None:
        now = self._work.now
        if server.status.last_used_at is not None and server.status.last_used_at > now - USE_NOTED:
            return
        await self._run(update(TOOL_SERVER).where(*_same(server)).values(last_used_at=now))

    async def not_sealed_by(self, version: int, limit: int) -> Sequence[StoredServer]:
        rows = await self._run(select(TOOL_SERVER).where(_C.key_version != version).limit(limit))
        return [_stored(row) for row in rows]

    async def reseal(self, server: StoredServer, token: Sealed) -> None:
        where = (*_same(server), _C.secret == token.secret)
        await self._run(update(TOOL_SERVER).where(*where).values(key_version=token.version, data_key=token.data_key))


def _is(workspace_id: str, project_id: str, name: str) -> tuple[Any, Any, Any]:
    return (_C.workspace_id == workspace_id, _C.project_id == project_id, _C.name == name)


def _same(server: StoredServer) -> tuple[Any, Any, Any]:
    return _is(server.workspace_id, server.project_id, server.status.name)


def _stored(row: Any) -> StoredServer:
    token = None if row.secret is None else Sealed(row.key_version, row.data_key, row.secret)
    status = ServerStatus(row.name, row.url, token is not None, row.key_version, row.set_at, row.last_used_at)
    return StoredServer(row.workspace_id, row.project_id, status, token)
