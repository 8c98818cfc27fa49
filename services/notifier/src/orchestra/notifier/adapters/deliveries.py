"""Deliveries and their log in the database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.notifier.adapters.tables import DELIVERY, DELIVERY_TRY, WEBHOOK
from orchestra.notifier.domain.delivery import Delivery, Outcome, Try
from orchestra.notifier.domain.errors import UnknownDelivery

AT_A_TIME = 4
"""Deliveries of one webhook on their way together."""


class SqlDeliveries:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        values = [asdict(delivery) for delivery in deliveries]
        once = self._work.dialect.insert(DELIVERY).values(values)
        await self._work.connection.execute(once.on_conflict_do_nothing(index_elements=["webhook_id", "fact"]))

    async def claim(self, limit: int, lease: str, lasting: timedelta) -> Sequence[Delivery]:
        now = self._work.now
        free = or_(DELIVERY.c.leased_until.is_(None), DELIVERY.c.leased_until <= now)
        due = (DELIVERY.c.status == "pending", DELIVERY.c.due_at <= now)
        # What a webhook has on its way ranks first, so that it counts against AT_A_TIME on every replica.
        rank = func.row_number().over(
            partition_by=DELIVERY.c.webhook_id, order_by=(free, DELIVERY.c.due_at, DELIVERY.c.id)
        )
        listens = (
            WEBHOOK.c.disabled_at.is_(None),
            or_(WEBHOOK.c.paused_until.is_(None), WEBHOOK.c.paused_until <= now),
        )
        ranked = select(DELIVERY.c.id, rank.label("rank")).join(WEBHOOK).where(*due, *listens).subquery()
        in_turn = select(ranked.c.id).where(ranked.c.rank <= AT_A_TIME)
        # The conditions are repeated where the rows are locked: another replica may have claimed them meanwhile.
        claimable = select(DELIVERY.c.id).where(*due, free, DELIVERY.c.id.in_(in_turn))
        claimable = self._work.dialect.locked(
            claimable.order_by(DELIVERY.c.due_at, DELIVERY.c.id).limit(limit), skip_locked=True
        )
        rows = await self._work.connection.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(claimable.scalar_subquery()))
            .values(lease=lease, leased_until=now + lasting)
            .returning(DELIVERY)
        )
        return sorted((Delivery(**row) for row in rows.mappings()), key=lambda delivery: (delivery.due_at, delivery.id))

    async def find(self, webhook_id: str, delivery_id: str) -> Delivery:
        query = select(DELIVERY).where(DELIVERY.c.id == delivery_id, DELIVERY.c.webhook_id == webhook_id)
        row = (await self._work.connection.execute(self._work.dialect.locked(query))).mappings().first()
        if row is None:
            raise UnknownDelivery
        return Delivery(**row)

    async def page(self, webhook_id: str, *, before: str | None, limit: int) -> Sequence[Delivery]:
        """The newest first."""
        query = select(DELIVERY).where(DELIVERY.c.webhook_id == webhook_id).order_by(DELIVERY.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(DELIVERY.c.id < before)
        return [Delivery(**row) for row in (await self._work.connection.execute(query)).mappings()]

    async def logs(self, deliveries: Sequence[Delivery]) -> dict[str, list[Try]]:
        """The tries of each delivery, the first one first."""
        log: defaultdict[str, list[Try]] = defaultdict(list)
        query = select(DELIVERY_TRY).where(DELIVERY_TRY.c.delivery_id.in_([each.id for each in deliveries]))
        for row in await self._work.connection.execute(query.order_by(DELIVERY_TRY.c.position)):
            log[row.delivery_id].append(Try(row.at, Outcome(row.status, row.reason, row.took_ms)))
        return log

    async def save(self, delivery: Delivery) -> None:
        await self._work.connection.execute(
            update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(asdict(delivery))
        )

    async def log(self, delivery_id: str, outcome: Outcome) -> None:
        line = {"status": outcome.status, "reason": outcome.reason, "took_ms": outcome.took_ms}
        await self._work.connection.execute(
            insert(DELIVERY_TRY).values(delivery_id=delivery_id, at=self._work.now, **line)
        )

    async def cancel_pending(self, webhook_id: str) -> None:
        await self._work.connection.execute(
            update(DELIVERY)
            .where(DELIVERY.c.webhook_id == webhook_id, DELIVERY.c.status == "pending")
            .values(status="cancelled", ended_at=self._work.now)
        )

    async def purge(self, ended_before: datetime) -> int:
        result = await self._work.connection.execute(delete(DELIVERY).where(DELIVERY.c.ended_at < ended_before))
        return result.rowcount
