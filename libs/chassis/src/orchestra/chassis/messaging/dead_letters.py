"""Deliveries that cannot be handled: kept with their reason and listed. The same on both transports."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from orchestra.chassis.database.tables import DEAD_LETTER
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.ids import new_id


@dataclass(frozen=True)
class DeadLetter:
    id: str
    subscription: str
    event_id: str
    kind: str
    body: str
    reason: str
    traceback: str
    at: datetime
    replayed_at: datetime | None


class NoSuchDeadLetter(Exception):
    """No dead letter has this id."""

    code = "unknown-dead-letter"


class NotReplayable(Exception):
    """This dead letter cannot be replayed."""

    code = "not-replayable"


async def store(
    work: UnitOfWork, *, subscription: str, event_id: str, kind: str, body: str, reason: str, trace: str = ""
) -> None:
    """Keep the delivery; if it fails again after a replay, the row is fresh again with the new reason."""
    key = {"subscription": storable(subscription)[:100], "event_id": storable(event_id)[:64]}
    values: dict[str, Any] = {
        "reason": storable(reason)[:4000],
        "traceback": storable(trace)[-20000:],
        "at": work.now,
        "replayed_at": None,
    }
    await work.connection.execute(
        work.dialect.insert(DEAD_LETTER)
        .values(id=new_id("ded"), kind=storable(kind)[:100], body=storable(body), **key, **values)
        .on_conflict_do_update(index_elements=["subscription", "event_id"], set_=values)
    )


def storable(text: str) -> str:
    """The text without what no database takes: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


async def page(view: UnitOfWork, *, limit: int, before: str | None = None, replayed: bool = False) -> list[DeadLetter]:
    """The newest first; those already replayed only when asked for."""
    query = select(DEAD_LETTER).order_by(DEAD_LETTER.c.id.desc()).limit(limit)
    if before:
        query = query.where(DEAD_LETTER.c.id < before)
    if not replayed:
        query = query.where(DEAD_LETTER.c.replayed_at.is_(None))
    return [DeadLetter(*row) for row in (await view.connection.execute(query)).all()]


async def find(view: UnitOfWork, letter_id: str) -> DeadLetter:
    row = (await view.connection.execute(select(DEAD_LETTER).where(DEAD_LETTER.c.id == letter_id))).first()
    if row is None:
        raise NoSuchDeadLetter(f"no dead letter is called {letter_id}")
    return DeadLetter(*row)
