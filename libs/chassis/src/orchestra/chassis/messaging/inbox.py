"""The inbox: what each subscription has done, what is newest, and parts that wait for the others."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Executable, String, delete, func, select, true

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, given
from orchestra.chassis.database.tables import EVENT_PART, INBOX, LATEST
from orchestra.chassis.database.types import Instant
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.event import PartedEvent

P = TypeVar("P", bound=PartedEvent)


def _claim(dialect: Dialect) -> Executable:
    fresh = select(given("subscription", String), dialect.each("event_ids").c.value, given("at", Instant))
    columns = ["subscription", "event_id", "at"]
    # SQLite takes what follows a SELECT without WHERE for a join.
    insert = dialect.insert(INBOX).from_select(columns, fresh.where(true()))
    return insert.on_conflict_do_nothing().returning(INBOX.c.event_id)


_CLAIM = Statement(_claim)


async def claim(work: UnitOfWork, subscription: str, event_ids: Sequence[str]) -> set[str]:
    """Mark the events as done by this subscription; returns those that were not yet."""
    wanted = sorted(set(event_ids))
    return {row[0] for row in await work.fetch(_CLAIM, subscription=subscription, event_ids=wanted, at=work.now)}


async def is_newer(work: UnitOfWork, subscription: str, subject: str, sequence: int) -> bool:
    """Whether nothing newer of the subject has been seen here; if so, this is the newest from now on."""
    insert = work.dialect.insert(LATEST).values(subscription=subscription, subject=subject, sequence=sequence)
    rows = await work.connection.execute(
        insert.on_conflict_do_update(
            index_elements=["subscription", "subject"],
            set_={"sequence": insert.excluded.sequence},
            where=LATEST.c.sequence < insert.excluded.sequence,
        ).returning(LATEST.c.sequence)
    )
    return rows.first() is not None


async def gather(work: UnitOfWork, subscription: str, event: P) -> Iterator[P] | None:
    """Keep this part; returns all parts in order once the last one has come, whichever that is.

    Each is read when it is asked for: whoever takes from it what they need has never all of them at once.
    """
    if event.parts == 1:
        return iter([event])
    texts = await gather_texts(work, subscription, event)
    return None if texts is None else map(type(event).model_validate_json, texts)


async def gather_texts(work: UnitOfWork, subscription: str, event: PartedEvent) -> Sequence[str] | None:
    """The same as JSON, as they came, for whoever reads them later."""
    if event.parts == 1:
        return [event.to_json()]
    key = {"subscription": subscription, "subject": event.subject}
    # Part 0 is the lock: of two parts that arrive at once on two replicas, the later one must see the earlier.
    lock = work.dialect.insert(EVENT_PART).values(**key, part=0, body="")
    await work.connection.execute(
        lock.on_conflict_do_update(index_elements=["subscription", "subject", "part"], set_={"body": ""})
    )
    await work.connection.execute(
        work.dialect.insert(EVENT_PART).values(**key, part=event.part, body=event.to_json()).on_conflict_do_nothing()
    )
    mine = (EVENT_PART.c.subscription == subscription, EVENT_PART.c.subject == event.subject)
    parts = (*mine, EVENT_PART.c.part > 0)
    # Counted before they are read: otherwise each of many parts would read all that came before it.
    if (await work.connection.execute(select(func.count()).where(*parts))).scalar_one() < event.parts:
        return None
    query = select(EVENT_PART.c.body).where(*parts).order_by(EVENT_PART.c.part)
    bodies = (await work.connection.execute(query)).scalars().all()
    await work.connection.execute(delete(EVENT_PART).where(*mine))
    return bodies


async def purge(work: UnitOfWork, window: timedelta) -> int:
    """Forget marks older than the window; it must be longer than any message can stay on its way."""
    result = await work.connection.execute(delete(INBOX).where(INBOX.c.at < work.now - window))
    return result.rowcount
