"""Webhooks in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.adapters.tables import WEBHOOK
from orchestra.notifier.domain.errors import UnknownWebhook
from orchestra.notifier.domain.notice import NoticeKind
from orchestra.notifier.domain.webhook import Webhook


class SqlWebhooks:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, webhook: Webhook) -> None:
        await self._work.connection.execute(insert(WEBHOOK).values(asdict(webhook)))

    async def find(self, workspace_id: WorkspaceId, webhook_id: str, *, hold: bool = False) -> Webhook:
        query = select(WEBHOOK).where(WEBHOOK.c.id == webhook_id, WEBHOOK.c.workspace_id == workspace_id)
        if hold:
            query = self._work.dialect.locked(query)
        row = (await self._work.connection.execute(query)).mappings().first()
        if row is None:
            raise UnknownWebhook
        return _webhook(row)

    async def listening(self, workspace_id: WorkspaceId, kind: NoticeKind) -> Sequence[Webhook]:
        query = select(WEBHOOK).where(WEBHOOK.c.workspace_id == workspace_id, WEBHOOK.c.disabled_at.is_(None))
        rows = (await self._work.connection.execute(query.order_by(WEBHOOK.c.id))).mappings()
        return [webhook for webhook in map(_webhook, rows) if kind in webhook.kinds]

    async def page(self, workspace_id: WorkspaceId, *, after: str | None, limit: int) -> Sequence[Webhook]:
        """In the order of their making."""
        query = select(WEBHOOK).where(WEBHOOK.c.workspace_id == workspace_id).order_by(WEBHOOK.c.id).limit(limit)
        if after is not None:
            query = query.where(WEBHOOK.c.id > after)
        return [_webhook(row) for row in (await self._work.connection.execute(query)).mappings()]

    async def save(self, webhook: Webhook) -> None:
        await self._work.connection.execute(update(WEBHOOK).where(WEBHOOK.c.id == webhook.id).values(asdict(webhook)))

    async def remove(self, webhook_id: str) -> None:
        await self._work.connection.execute(delete(WEBHOOK).where(WEBHOOK.c.id == webhook_id))


def _webhook(row: RowMapping) -> Webhook:
    values: dict[str, Any] = {**row, "kinds": tuple(row["kinds"])}
    return Webhook(**values)
