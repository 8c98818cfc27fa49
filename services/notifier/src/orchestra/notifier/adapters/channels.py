"""Channels in the database: webhooks, and mail subscriptions, each in a table of their own."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Generic, TypeVar

from sqlalchemy import RowMapping, delete, insert, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.adapters.tables import TABLES
from orchestra.notifier.domain.channel import Channel
from orchestra.notifier.domain.errors import NotifyingError, UnknownMailSubscription, UnknownWebhook
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.notice import Notice
from orchestra.notifier.domain.webhook import Webhook

C = TypeVar("C", bound=Channel)

UNKNOWN: dict[type[Channel], type[NotifyingError]] = {
    Webhook: UnknownWebhook,
    MailSubscription: UnknownMailSubscription,
}


class SqlChannels(Generic[C]):
    def __init__(self, work: UnitOfWork, cls: type[C]) -> None:
        self._work = work
        self._cls = cls
        self._table = TABLES[cls.medium].channel

    async def add(self, channel: C) -> None:
        await self._work.connection.execute(insert(self._table).values(asdict(channel)))

    async def find(self, workspace_id: WorkspaceId, channel_id: str, *, hold: bool = False) -> C:
        table = self._table
        query = select(table).where(table.c.id == channel_id, table.c.workspace_id == workspace_id)
        if hold:
            query = self._work.dialect.locked(query)
        row = (await self._work.connection.execute(query)).mappings().first()
        if row is None:
            raise UNKNOWN[self._cls]
        return self._channel(row)

    async def listening(self, notice: Notice) -> Sequence[C]:
        table = self._table
        query = select(table).where(table.c.workspace_id == notice.workspace_id, table.c.disabled_at.is_(None))
        rows = (await self._work.connection.execute(query.order_by(table.c.id))).mappings()
        return [channel for channel in map(self._channel, rows) if channel.wants(notice)]

    async def page(self, workspace_id: WorkspaceId, *, after: str | None, limit: int) -> Sequence[C]:
        """In the order of their making."""
        table = self._table
        query = select(table).where(table.c.workspace_id == workspace_id).order_by(table.c.id).limit(limit)
        if after is not None:
            query = query.where(table.c.id > after)
        return [self._channel(row) for row in (await self._work.connection.execute(query)).mappings()]

    async def save(self, channel: C) -> None:
        table = self._table
        await self._work.connection.execute(update(table).where(table.c.id == channel.id).values(asdict(channel)))

    async def remove(self, channel_id: str) -> None:
        await self._work.connection.execute(delete(self._table).where(self._table.c.id == channel_id))

    def _channel(self, row: RowMapping) -> C:
        values: dict[str, Any] = {**row, "kinds": tuple(row["kinds"])}
        return self._cls(**values)


class SqlWebhooks(SqlChannels[Webhook]):
    def __init__(self, work: UnitOfWork) -> None:
        super().__init__(work, Webhook)

    async def all(self, *, after: str | None, limit: int) -> Sequence[Webhook]:
        query = select(self._table).where(self._table.c.id > (after or "")).order_by(self._table.c.id).limit(limit)
        return [self._channel(row) for row in (await self._work.connection.execute(query)).mappings()]

    async def reseal(self, webhook_id: str, before: str, after: str) -> None:
        if after != before:
            same = (self._table.c.id == webhook_id, self._table.c.secret == before)
            await self._work.connection.execute(update(self._table).where(*same).values(secret=after))
