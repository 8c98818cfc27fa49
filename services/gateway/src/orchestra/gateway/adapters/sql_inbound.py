"""The inbound door as rows: the users that may come in, and what came."""

import hashlib
from typing import Any

from sqlalchemy import delete, or_, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging import inbox
from orchestra.chassis.messaging.message import CloudEvent, Envelope
from orchestra.contracts.ids import WorkspaceId
from orchestra.gateway.adapters.tables import BROKER_USER, INBOUND_MESSAGE
from orchestra.gateway.domain.door import BrokerUser, InboundMessage, Stamp


class SqlBrokerUsers:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def find(self, name: str) -> BrokerUser | None:
        row = (await self._work.connection.execute(select(BROKER_USER).where(BROKER_USER.c.name == name))).first()
        return BrokerUser(row.name, row.workspace_id, tuple(row.kinds)) if row else None

    async def put(self, user: BrokerUser) -> bool:
        kinds = {"kinds": list(user.kinds)}
        done = await self._work.connection.execute(
            self._work.dialect.insert(BROKER_USER)
            .values(name=user.name, workspace_id=user.workspace_id, **kinds)
            .on_conflict_do_update(
                index_elements=["name"], set_=kinds, where=BROKER_USER.c.workspace_id == user.workspace_id
            )
            .returning(BROKER_USER.c.name)
        )
        return done.first() is not None

    async def remove(self, workspace_id: WorkspaceId, name: str) -> bool:
        mine = (BROKER_USER.c.workspace_id == workspace_id, BROKER_USER.c.name == name)
        done = await self._work.connection.execute(delete(BROKER_USER).where(*mine).returning(BROKER_USER.c.name))
        return done.first() is not None

    async def page(self, workspace_id: WorkspaceId, after: str | None, limit: int) -> list[BrokerUser]:
        query = select(BROKER_USER).where(BROKER_USER.c.workspace_id == workspace_id)
        if after is not None:
            query = query.where(BROKER_USER.c.name > after)
        rows = await self._work.connection.execute(query.order_by(BROKER_USER.c.name).limit(limit))
        return [BrokerUser(row.name, row.workspace_id, tuple(row.kinds)) for row in rows]


class SqlInboundMessages:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def accepted(self, workspace_id: WorkspaceId, stamp: Stamp) -> InboundMessage | None:
        # The inbox mark is only the lock: of two that come at once, the later one waits here and then sees the earlier.
        once = hashlib.sha256(f"{workspace_id}\n{stamp.source}\n{stamp.event_id}".encode()).hexdigest()
        await inbox.claim(self._work, f"{self._work.service}:inbound", [once])
        query = select(INBOUND_MESSAGE).where(
            INBOUND_MESSAGE.c.workspace_id == workspace_id,
            INBOUND_MESSAGE.c.source == stamp.source,
            INBOUND_MESSAGE.c.event_id == stamp.event_id,
            INBOUND_MESSAGE.c.verdict == "accepted",
        )
        row = (await self._work.connection.execute(query)).first()
        return _message(row) if row else None

    async def record(self, message: InboundMessage) -> None:
        values: dict[str, Any] = {
            "workspace_id": message.workspace_id,
            "user": message.user,
            "routing_key": message.routing_key,
            "source": message.stamp.source,
            "event_id": message.stamp.event_id,
            "kind": message.stamp.kind,
            "verdict": message.verdict,
            "reason": message.reason,
            "detail": message.detail,
            "plan_id": message.plan_id,
            "at": message.at,
        }
        # A text of the database holds no NUL, but a hostile message may.
        values = {k: v.replace("\0", "\ufffd") if isinstance(v, str) else v for k, v in values.items()}
        await self._work.connection.execute(
            self._work.dialect.insert(INBOUND_MESSAGE)
            .values(id=message.id, fingerprint=message.fingerprint, times=1, **values)
            .on_conflict_do_update(
                index_elements=["fingerprint"],
                set_={**values, "times": INBOUND_MESSAGE.c.times + 1},
                where=INBOUND_MESSAGE.c.verdict == "refused",
            )
        )

    def answer(self, stamp: Stamp) -> None:
        self._work.cause = Envelope(
            CloudEvent(
                id=stamp.event_id,
                source=stamp.source,
                type=stamp.kind,
                subject="",
                time=self._work.now,
                correlationid=stamp.event_id,
                data={},
            )
        )

    async def page(
        self, workspace_id: WorkspaceId, before: str | None, limit: int, *, homeless: bool
    ) -> list[InboundMessage]:
        """The newest first; with `homeless` also those whose user stands for no workspace."""
        column = INBOUND_MESSAGE.c.workspace_id
        query = select(INBOUND_MESSAGE).where(
            or_(column == workspace_id, column.is_(None)) if homeless else column == workspace_id
        )
        if before is not None:
            query = query.where(INBOUND_MESSAGE.c.id < before)
        rows = await self._work.connection.execute(query.order_by(INBOUND_MESSAGE.c.id.desc()).limit(limit))
        return [_message(row) for row in rows]


def _message(row: Any) -> InboundMessage:
    return InboundMessage(
        id=row.id,
        workspace_id=row.workspace_id,
        user=row.user,
        routing_key=row.routing_key,
        fingerprint=row.fingerprint,
        stamp=Stamp(row.source, row.event_id, row.kind),
        verdict=row.verdict,
        reason=row.reason,
        detail=row.detail,
        plan_id=row.plan_id,
        at=row.at,
        times=row.times,
    )
