"""The outbox: events that were written in the transaction of the state they tell of, on their way out."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, or_, select, update

from orchestra.chassis.database.statement import Statement, given
from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.handover import CLAIM
from orchestra.chassis.messaging.message import Outgoing

BACK_OFF_CAP = timedelta(seconds=30)


async def claim(work: UnitOfWork, limit: int) -> tuple[str, list[Outgoing]]:
    """Due events in order, held by the returned claim token for CLAIM; no other relay gets them meanwhile."""
    token = new_id("clm")
    due = (
        select(OUTBOX.c.position)
        .where(
            OUTBOX.c.sent_at.is_(None),
            OUTBOX.c.due_at <= work.now,
            or_(OUTBOX.c.claimed_until.is_(None), OUTBOX.c.claimed_until < work.now),
        )
        .order_by(OUTBOX.c.position)
        .limit(limit)
    )
    rows = await work.connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.position.in_(work.dialect.locked(due, skip_locked=True).scalar_subquery()))
        .values(claim=token, claimed_until=work.now + CLAIM)
        .returning(OUTBOX.c.position, OUTBOX.c.event_id, OUTBOX.c.kind, OUTBOX.c.body, OUTBOX.c.attempts)
    )
    return token, [Outgoing(*row[1:]) for row in sorted(rows, key=lambda row: row.position)]


_MARK_SENT = Statement(
    lambda dialect: (
        update(OUTBOX)
        .where(dialect.among(OUTBOX.c.event_id, "ids"), OUTBOX.c.claim == given("held"))
        .values(sent_at=given("now"), claim=None, claimed_until=None, last_error=None)
    )
)


async def mark_sent(work: UnitOfWork, token: str, event_ids: Sequence[str]) -> None:
    """Only the holder of the claim may say so: a relay that lost it would mark what another one sends."""
    await work.fetch(_MARK_SENT, ids=list(event_ids), held=token, now=work.now)


async def postpone(work: UnitOfWork, token: str, out: Outgoing, reason: str) -> None:
    pause = min(timedelta(seconds=0.2 * 2 ** min(out.attempts, 10)), BACK_OFF_CAP)
    await work.connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.event_id == out.event_id, OUTBOX.c.claim == token)
        .values(
            attempts=out.attempts + 1, due_at=work.now + pause, claim=None, claimed_until=None, last_error=reason[:1000]
        )
    )


async def release(work: UnitOfWork) -> None:
    """Give up every claim, for the start of a service: what a killed one held goes out at once.

    Another replica that is just publishing may publish its events once more, which is nothing new to consumers.
    """
    held = (OUTBOX.c.sent_at.is_(None), OUTBOX.c.claim.is_not(None))
    await work.connection.execute(update(OUTBOX).where(*held).values(claim=None, claimed_until=None))


async def unsent(work: UnitOfWork) -> tuple[int, float]:
    """How many events wait, and for how many seconds the oldest has waited."""
    row = (
        await work.connection.execute(
            select(func.count(), func.min(OUTBOX.c.created_at)).where(OUTBOX.c.sent_at.is_(None))
        )
    ).one()
    return row[0], (work.now - row[1]).total_seconds() if row[1] else 0.0


async def purge(work: UnitOfWork, window: timedelta) -> int:
    """Forget what was sent longer ago than the window."""
    result = await work.connection.execute(delete(OUTBOX).where(OUTBOX.c.sent_at < work.now - window))
    return result.rowcount
