"""Project keys in the database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.tables import MODEL_KEY
from orchestra.executor.application.models.keys import KeyStatus, StoredKey

USE_NOTED = timedelta(minutes=1)

_C = MODEL_KEY.c


class SqlProjectKeys:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute

    async def put(self, key: StoredKey) -> None:
        named = {"workspace_id": key.workspace_id, "project_id": key.project_id, "provider": key.status.provider}
        values = {
            "url": key.status.url,
            "key_version": key.status.key_version,
            "data_key": key.data_key,
            "secret": key.secret,
            "set_at": key.status.set_at,
            "last_used_at": key.status.last_used_at,
        }
        insert = self._work.dialect.insert(MODEL_KEY).values(**named, **values)
        await self._run(insert.on_conflict_do_update(index_elements=list(named), set_=values))

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> StoredKey | None:
        query = select(MODEL_KEY).where(*_is(workspace_id, project_id, provider))
        row = (await self._run(query)).first()
        return _stored(row) if row is not None else None

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Sequence[KeyStatus]:
        where = (_C.workspace_id == workspace_id, _C.project_id == project_id)
        rows = await self._run(select(MODEL_KEY).where(*where).order_by(_C.provider))
        return [_stored(row).status for row in rows]

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> bool:
        result = await self._run(delete(MODEL_KEY).where(*_is(workspace_id, project_id, provider)))
        return result.rowcount > 0

    async def used(self, key: StoredKey) -> None:
        now = self._work.now
        if key.status.last_used_at is not None and key.status.last_used_at > now - USE_NOTED:
            return
        await self._run(update(MODEL_KEY).where(*_same(key)).values(last_used_at=now))

    async def not_sealed_by(self, version: int, limit: int) -> Sequence[StoredKey]:
        rows = await self._run(select(MODEL_KEY).where(_C.key_version != version).limit(limit))
        return [_stored(row) for row in rows]

    async def reseal(self, key: StoredKey, version: int, data_key: bytes) -> None:
        where = (*_same(key), _C.secret == key.secret)
        await self._run(update(MODEL_KEY).where(*where).values(key_version=version, data_key=data_key))


def _is(workspace_id: str, project_id: str, provider: str) -> tuple[Any, Any, Any]:
    return (_C.workspace_id == workspace_id, _C.project_id == project_id, _C.provider == provider)


def _same(key: StoredKey) -> tuple[Any, Any, Any]:
    return _is(key.workspace_id, key.project_id, key.status.provider)


def _stored(row: Any) -> StoredKey:
    status = KeyStatus(row.provider, row.url, row.key_version, row.set_at, row.last_used_at)
    return StoredKey(row.workspace_id, row.project_id, status, row.data_key, row.secret)
