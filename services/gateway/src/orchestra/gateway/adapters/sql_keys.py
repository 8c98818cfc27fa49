"""Workspaces and API keys as rows."""

from typing import Any

from sqlalchemy import select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import WorkspaceId
from orchestra.gateway.adapters.tables import API_KEY, WORKSPACE
from orchestra.gateway.domain.api_key import ApiKey
from orchestra.gateway.domain.errors import UnknownApiKey, UnknownWorkspace


class SqlWorkspaces:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, workspace_id: WorkspaceId, name: str) -> bool:
        insert = self._work.dialect.insert(WORKSPACE).values(id=workspace_id, name=name, created_at=self._work.now)
        added = await self._work.connection.execute(insert.on_conflict_do_nothing().returning(WORKSPACE.c.id))
        return added.first() is not None

    async def id_of(self, name: str) -> WorkspaceId:
        query = select(WORKSPACE.c.id).where(WORKSPACE.c.name == name)
        return (await self._work.connection.execute(query)).scalar_one()

    async def name_of(self, workspace_id: WorkspaceId) -> str:
        query = select(WORKSPACE.c.name).where(WORKSPACE.c.id == workspace_id)
        name = (await self._work.connection.execute(query)).scalar_one_or_none()
        if name is None:
            raise UnknownWorkspace
        return name


class SqlKeys:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, key: ApiKey) -> bool:
        insert = self._work.dialect.insert(API_KEY).values(
            id=key.id,
            workspace_id=key.workspace_id,
            name=key.name,
            grants=list(key.grants),
            digest=key.digest,
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
        added = await self._work.connection.execute(insert.on_conflict_do_nothing().returning(API_KEY.c.id))
        return added.first() is not None

    async def find(self, key_id: str) -> ApiKey | None:
        row = (await self._work.connection.execute(select(API_KEY).where(API_KEY.c.id == key_id))).first()
        return _key(row) if row else None

    async def get(self, workspace_id: WorkspaceId, key_id: str) -> ApiKey:
        """Raises UnknownApiKey, for another workspace's as well."""
        key = await self.find(key_id)
        if key is None or key.workspace_id != workspace_id:
            raise UnknownApiKey
        return key

    async def page(self, workspace_id: WorkspaceId, after: str | None, limit: int) -> list[ApiKey]:
        query = select(API_KEY).where(API_KEY.c.workspace_id == workspace_id).order_by(API_KEY.c.id).limit(limit)
        if after is not None:
            query = query.where(API_KEY.c.id > after)
        return [_key(row) for row in await self._work.connection.execute(query)]

    async def revoke(self, workspace_id: WorkspaceId, key_id: str) -> bool:
        mine = (API_KEY.c.workspace_id == workspace_id, API_KEY.c.id == key_id)
        await self._work.connection.execute(
            update(API_KEY).where(*mine, API_KEY.c.revoked_at.is_(None)).values(revoked_at=self._work.now)
        )
        return (await self._work.connection.execute(select(API_KEY.c.id).where(*mine))).first() is not None


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        grants=tuple(row.grants),
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
