"""The feed as rows, counted by the workspace's own row."""

from collections.abc import Sequence

from sqlalchemy import select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging import inbox
from orchestra.contracts.event import Event
from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.gateway.adapters.tables import FEED, WORKSPACE
from orchestra.gateway.domain.errors import UnknownWorkspace
from orchestra.gateway.domain.feed import FeedItem

_COLUMNS = (FEED.c.sequence, FEED.c.kind, FEED.c.at, FEED.c.project_id, FEED.c.run_id, FEED.c.data)


class SqlFeed:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def head(self, workspace_id: WorkspaceId) -> int:
        query = select(WORKSPACE.c.feed_sequence).where(WORKSPACE.c.id == workspace_id)
        head = (await self._work.connection.execute(self._work.dialect.locked(query))).scalar_one_or_none()
        if head is None:
            raise UnknownWorkspace(f"There is no workspace {workspace_id}.")
        return head

    async def append(self, workspace_id: WorkspaceId, items: Sequence[FeedItem]) -> None:
        if not items:
            return
        rows = [
            {
                "workspace_id": workspace_id,
                "sequence": item.sequence,
                "kind": item.kind,
                "at": item.at,
                "project_id": item.project_id,
                "run_id": item.run_id,
                "data": item.data,
            }
            for item in items
        ]
        await self._work.connection.execute(FEED.insert(), rows)
        await self._work.connection.execute(
            update(WORKSPACE).where(WORKSPACE.c.id == workspace_id).values(feed_sequence=items[-1].sequence)
        )

    async def is_news(self, event: Event) -> bool:
        name = f"{self._work.service}:{event.kind}"
        return await inbox.is_newer(self._work, name, event.subject, event.sequence)

    async def after(
        self, workspace_id: WorkspaceId, sequence: int, limit: int, run_id: RunId | None = None
    ) -> list[FeedItem]:
        """What follows `sequence`, in order; only what names the run, where one is given."""
        query = (
            select(*_COLUMNS)
            .where(FEED.c.workspace_id == workspace_id, FEED.c.sequence > sequence)
            .order_by(FEED.c.sequence)
            .limit(limit)
        )
        if run_id is not None:
            query = query.where(FEED.c.run_id == run_id)
        return [FeedItem(*row) for row in await self._work.connection.execute(query)]
