"""One delivery is one transaction.

A delivery is a list of envelopes of one subscription. They are claimed in the inbox, handled and committed together.
When that fails, each is tried alone, so that a poison event does not spoil its neighbours; the one that fails alone
is set aside: in a retry row when its trouble may pass, else as a dead letter. Only Unavailable leaves this module:
the transport keeps the delivery and waits until the database is back.
"""

import time
import traceback
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select

from orchestra.chassis.database.tables import RETRY
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.messaging import dead_letters, inbox
from orchestra.chassis.messaging.message import Envelope, decode
from orchestra.chassis.messaging.subscriptions import Subscription
from orchestra.chassis.messaging.traces import processing
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import counter, histogram
from orchestra.chassis.telemetry.tracing import exporting

log = logger("messaging")

DELIVERIES = counter(
    "orchestra.deliveries",
    "{event}",
    "Events delivered to a subscription: handled, duplicate, retried or dead.",
    "subscription",
    "outcome",
)
DURATION = histogram("messaging.process.duration", "Of a delivery, its commit included.", "subscription")

MOST_RETRIES = 8
"""Then a retry row becomes a dead letter; the pauses between them add up to eight and a half minutes."""


async def consume(subscription: Subscription, envelopes: Sequence[Envelope], database: Database[UnitOfWork]) -> None:
    """Handle a delivery, whatever is in it. Raises nothing but Unavailable."""
    try:
        await _handle(subscription, envelopes, database)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - a delivery is never lost, whatever its handler raises
        if len(envelopes) == 1:
            await _set_aside(subscription, envelopes[0], database, error)
            return
        for envelope in envelopes:
            await consume(subscription, [envelope], database)


async def _handle(subscription: Subscription, envelopes: Sequence[Envelope], database: Database[UnitOfWork]) -> None:
    started = time.perf_counter()
    first = envelopes[0]
    with processing(subscription.service, subscription.event.kind, envelopes):
        work = await _plainly(subscription, envelopes, database)
        if work is None:
            async with database.begin() as work:
                await _generally(subscription, envelopes, work)
        taken = work.delivery
        DURATION.record(time.perf_counter() - started, _labels(subscription))
        DELIVERIES.add(len(taken), {**_labels(subscription), "outcome": "handled"})
        DELIVERIES.add(len(envelopes) - len(taken), {**_labels(subscription), "outcome": "duplicate"})
        log.info(
            "delivery",
            subscription=subscription.name,
            event_id=first.id,
            workspace_id=first.cloud.workspaceid,
            events=len(envelopes),
            duplicates=len(envelopes) - len(taken),
            published=work.told,
            ms=round(1000 * (time.perf_counter() - started), 2),
        )


async def _plainly(
    subscription: Subscription, envelopes: Sequence[Envelope], database: Database[UnitOfWork]
) -> UnitOfWork | None:
    """The work that was done in one statement; None where that cannot be, and the general way is to be gone.

    Where spans are exported each event has its own, which is made before it is written: then there is no plain way.
    """
    plain = subscription.plain
    if plain is None or len(envelopes) > 1 or not database.dialect.many_in_one or exporting():
        return None
    [envelope] = envelopes

    async def step(work: UnitOfWork) -> bool:
        work.delivery, work.cause = envelopes, envelope
        return await plain(envelope, work)

    return await database.at_once(step)


async def _generally(subscription: Subscription, envelopes: Sequence[Envelope], work: UnitOfWork) -> None:
    fresh = await inbox.claim(work, subscription.name, [e.id for e in envelopes])
    taken: list[Envelope] = []
    for envelope in envelopes:
        if envelope.id in fresh:
            fresh.discard(envelope.id)
            taken.append(envelope)
    work.delivery = taken
    if taken:
        work.cause = taken[0] if len(taken) == 1 else None
        await subscription.handle(taken, work)


async def _set_aside(
    subscription: Subscription, envelope: Envelope, database: Database[UnitOfWork], error: Exception
) -> None:
    outcome = "dead"
    try:
        async with database.begin() as work:
            if isinstance(error, Transient):
                outcome = await _retry_later(work, subscription, envelope, error)
                work.wake("retries")
            else:
                await dead_letters.store(
                    work,
                    subscription=subscription.name,
                    event_id=envelope.id,
                    kind=envelope.kind,
                    body=envelope.to_json(),
                    reason=f"{type(error).__name__}: {error}",
                    trace="".join(traceback.format_exception(error)),
                )
                await work.connection.execute(delete(RETRY).where(*_row(subscription.name, envelope.id)))
    except Transient as trouble:
        raise Unavailable(f"the delivery could not be set aside: {trouble}") from trouble
    DELIVERIES.add(1, {**_labels(subscription), "outcome": outcome})
    log.warning(
        "delivery set aside",
        subscription=subscription.name,
        event_id=envelope.id,
        reason=f"{type(error).__name__}: {error}",
        transient=isinstance(error, Transient),
    )


async def _retry_later(work: UnitOfWork, subscription: Subscription, envelope: Envelope, error: Transient) -> str:
    """What it came to: `retried`, or `dead` once too often."""
    row = (await work.connection.execute(select(RETRY.c.attempts).where(*_row(subscription.name, envelope.id)))).first()
    attempts = (row[0] if row else 0) + 1
    if attempts > MOST_RETRIES:
        await dead_letters.store(
            work,
            subscription=subscription.name,
            event_id=envelope.id,
            kind=envelope.kind,
            body=envelope.to_json(),
            reason=f"still failing after {MOST_RETRIES} retries: {error}",
        )
        await work.connection.execute(delete(RETRY).where(*_row(subscription.name, envelope.id)))
        return "dead"
    pause = timedelta(seconds=2**attempts)
    await _put_off(work, subscription, envelope, attempts, pause, dead_letters.storable(str(error))[:1000])
    return "retried"


async def _put_off(
    work: UnitOfWork, subscription: Subscription, envelope: Envelope, attempts: int, pause: timedelta, reason: str
) -> None:
    values = {"attempts": attempts, "due_at": work.now + pause, "reason": reason}
    await work.connection.execute(
        work.dialect.insert(RETRY)
        .values(subscription=subscription.name, event_id=envelope.id, body=envelope.to_json(), **values)
        .on_conflict_do_update(index_elements=["subscription", "event_id"], set_=values)
    )


def _labels(subscription: Subscription) -> dict[str, str]:
    return {"service": subscription.service, "subscription": subscription.name}


def _row(subscription: str, event_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (RETRY.c.subscription == subscription, RETRY.c.event_id == event_id)


async def retry_due(subscriptions: dict[str, Subscription], database: Database[UnitOfWork], limit: int = 100) -> int:
    """Handle the retry rows whose time has come; returns how many there were."""
    async with database.read() as view:
        due = select(RETRY.c.subscription, RETRY.c.body).where(
            RETRY.c.due_at <= view.now, RETRY.c.subscription.in_(subscriptions)
        )
        rows = (await view.connection.execute(due.order_by(RETRY.c.due_at).limit(limit))).all()
    for name, body in rows:
        await retry(subscriptions[name], decode(body)[0], database)
    return len(rows)


async def retry_soon(work: UnitOfWork, subscription: Subscription, envelope: Envelope, reason: str) -> None:
    """A retry row that is due at once: should this process die before it retries, another one does."""
    await _put_off(work, subscription, envelope, 0, timedelta(), reason)


async def retry(subscription: Subscription, envelope: Envelope, database: Database[UnitOfWork]) -> None:
    """Handle a retry row."""
    await consume(subscription, [envelope], database)
    async with database.begin() as work:
        # It is done, unless the row was put off once more.
        done = delete(RETRY).where(*_row(subscription.name, envelope.id), RETRY.c.due_at <= work.now)
        await work.connection.execute(done)
