"""Deliver a dead letter once more."""

from sqlalchemy import update

from orchestra.chassis.database.tables import DEAD_LETTER
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.messaging.consume import retry, retry_soon
from orchestra.chassis.messaging.dead_letters import DeadLetter, NotReplayable, find
from orchestra.chassis.messaging.message import Undecodable, decode
from orchestra.chassis.messaging.subscriptions import Subscription


async def replay(database: Database[UnitOfWork], subscriptions: dict[str, Subscription], letter_id: str) -> DeadLetter:
    """What fails again is a dead letter again, with its new reason. Raises NoSuchDeadLetter, NotReplayable."""
    async with database.read() as view:
        letter = await find(view, letter_id)
    subscription = subscriptions.get(letter.subscription)
    if subscription is None:
        raise NotReplayable(f"nothing here listens as {letter.subscription} any more")
    try:
        envelopes = decode(letter.body)
    except Undecodable as error:
        raise NotReplayable(f"it cannot be decoded: {error}") from error
    async with database.begin() as work:
        replayed = update(DEAD_LETTER).where(DEAD_LETTER.c.id == letter_id).values(replayed_at=work.now)
        await work.connection.execute(replayed)
        for envelope in envelopes:
            await retry_soon(work, subscription, envelope, f"replay of {letter_id}")
    for envelope in envelopes:
        await retry(subscription, envelope, database)
    async with database.read() as view:
        return await find(view, letter_id)
