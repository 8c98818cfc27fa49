"""Deliveries and their log in the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, func, insert, or_, select, tuple_, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.notifier.adapters.tables import TABLES
from orchestra.notifier.domain.channel import Medium
from orchestra.notifier.domain.delivery import Delivery, Outcome, Try
from orchestra.notifier.domain.errors import UnknownDelivery

AT_A_TIME = 4
"""Deliveries of one channel on their way together."""


class SqlDeliveries:
    def __init__(self, work: UnitOfWork, medium: Medium) -> None:
        self._work = work
        self._channel = TABLES[medium].channel
        self._table = TABLES[medium].delivery
        self._tried = TABLES[medium].tried

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        values = [asdict(delivery) for delivery in deliveries]
        once = self._work.dialect.insert(self._table).values(values)
        key = [self._table.c.channel_id, self._table.c.fact]
        await self._work.connection.execute(once.on_conflict_do_nothing(index_elements=key))

    async def claim(self, limit: int, lease: str, lasting: timedelta) -> Sequence[Delivery]:
        now, table, channel = self._work.now, self._table, self._channel
        free = or_(table.c.leased_until.is_(None), table.c.leased_until <= now)
        due = (table.c.status == "pending", table.c.due_at <= now)
        # What a channel has on its way ranks first, so that it counts against AT_A_TIME on every replica.
        rank = func.row_number().over(partition_by=table.c.channel_id, order_by=(free, table.c.due_at, table.c.id))
        listens = (
            channel.c.disabled_at.is_(None),
            or_(channel.c.paused_until.is_(None), channel.c.paused_until <= now),
        )
        ranked = select(table.c.id, rank.label("rank")).join(channel).where(*due, *listens).subquery()
        in_turn = select(ranked.c.id).where(ranked.c.rank <= AT_A_TIME)
        # The conditions are repeated where the rows are locked: another replica may have claimed them meanwhile.
        claimable = select(table.c.id).where(*due, free, table.c.id.in_(in_turn))
        claimable = self._work.dialect.locked(
            claimable.order_by(table.c.due_at, table.c.id).limit(limit), skip_locked=True
        )
        rows = await self._work.connection.execute(
            update(table)
            .where(table.c.id.in_(claimable.scalar_subquery()))
            .values(lease=lease, leased_until=now + lasting)
            .returning(table)
        )
        return sorted(
            (self._delivery(row) for row in rows.mappings()), key=lambda delivery: (delivery.due_at, delivery.id)
        )

    async def find(self, channel_id: str, delivery_id: str) -> Delivery:
        query = select(self._table).where(self._table.c.id == delivery_id, self._table.c.channel_id == channel_id)
        row = (await self._work.connection.execute(self._work.dialect.locked(query))).mappings().first()
        if row is None:
            raise UnknownDelivery
        return self._delivery(row)

    async def page(self, channel_id: str, *, before: str | None, limit: int) -> Sequence[Delivery]:
        """The newest first."""
        query = (
            select(self._table)
            .where(self._table.c.channel_id == channel_id)
            .order_by(self._table.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(self._table.c.id < before)
        return [self._delivery(row) for row in (await self._work.connection.execute(query)).mappings()]

    async def logs(self, deliveries: Sequence[Delivery]) -> dict[str, list[Try]]:
        """The tries of each delivery, the first one first."""
        log: defaultdict[str, list[Try]] = defaultdict(list)
        query = select(self._tried).where(self._tried.c.delivery_id.in_([each.id for each in deliveries]))
        for row in await self._work.connection.execute(query.order_by(self._tried.c.position)):
            log[row.delivery_id].append(Try(row.at, Outcome(row.status, row.reason, row.took_ms)))
        return log

    async def save(self, delivery: Delivery) -> None:
        await self._work.connection.execute(
            update(self._table).where(self._table.c.id == delivery.id).values(asdict(delivery))
        )

    async def log(self, delivery_id: str, outcome: Outcome) -> None:
        line = {"status": outcome.status, "reason": outcome.reason, "took_ms": outcome.took_ms}
        await self._work.connection.execute(
            insert(self._tried).values(delivery_id=delivery_id, at=self._work.now, **line)
        )

    async def cancel_pending(self, channel_id: str) -> None:
        await self._work.connection.execute(
            update(self._table)
            .where(self._table.c.channel_id == channel_id, self._table.c.status == "pending")
            .values(status="cancelled", ended_at=self._work.now)
        )

    async def purge(self, ended_before: datetime) -> int:
        result = await self._work.connection.execute(delete(self._table).where(self._table.c.ended_at < ended_before))
        return result.rowcount

    async def hand_back(self, leases: Mapping[str, str]) -> None:
        """End the leases `{delivery: lease}` that are still held: the next claim may have them at once."""
        held = tuple_(self._table.c.id, self._table.c.lease).in_(list(leases.items()))
        await self._work.connection.execute(update(self._table).where(held).values(lease=None, leased_until=None))

    def _delivery(self, row: RowMapping) -> Delivery:
        return Delivery(**{column.key: row[column] for column in self._table.c})
