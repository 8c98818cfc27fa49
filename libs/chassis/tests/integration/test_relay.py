"""The relay: every committed event is published, by one relay at a time, in order."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from libs.chassis.tests.example.events import note
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import func, select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.handover import CLAIM
from orchestra.chassis.messaging.message import Outgoing, decode
from orchestra.chassis.messaging.relay import BATCH, relay_once
from orchestra.chassis.messaging.transport import Check
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]


class Recorder:
    """A transport that remembers what it was handed; `error` says what goes wrong with an event."""

    def __init__(self, error: Callable[[Outgoing], Exception | None] = lambda _: None) -> None:
        self.error = error
        self.texts: list[str] = []
        self.batches: list[int] = []

    async def start(self) -> None:
        raise AssertionError("the relay starts nothing")

    async def stop(self) -> None:
        raise AssertionError("the relay stops nothing")

    def checks(self) -> dict[str, Check]:
        return {}

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        await asyncio.sleep(0)
        self.batches.append(len(batch))
        errors = [self.error(out) for out in batch]
        self.texts += [text(out) for out, error in zip(batch, errors, strict=True) if error is None]
        return errors


def text(out: Outgoing) -> str:
    return decode(out.body)[0].cloud.data["text"]


async def publish(database: Example, *texts: str) -> None:
    async with database.begin() as work:
        work.publish(*(note(each) for each in texts))


async def drain(database: Example, transport: Recorder) -> None:
    while await relay_once(database, transport):
        pass


async def unsent(database: Example) -> tuple[int, float]:
    async with database.read() as view:
        return await outbox.unsent(view)


async def test_events_are_published_in_the_order_of_their_transactions(database: Example) -> None:
    for number in range(5):
        await publish(database, f"{number}a", f"{number}b")
    transport = Recorder()

    await drain(database, transport)
    await drain(database, transport)

    assert transport.texts == [f"{number}{letter}" for number in range(5) for letter in "ab"]
    assert await unsent(database) == (0, 0.0)


async def test_a_large_backlog_goes_batch_by_batch_in_order(database: Example) -> None:
    texts = [str(number) for number in range(2 * BATCH + 1)]
    await publish(database, *texts)
    transport = Recorder()

    await drain(database, transport)

    assert (transport.texts, transport.batches) == (texts, [BATCH, BATCH, 1])


async def test_what_was_undone_is_not_published(database: Example) -> None:
    async def publish_and_fail() -> None:
        async with database.begin() as work:
            work.publish(note("never"))
            raise LookupError

    with pytest.raises(LookupError):
        await publish_and_fail()

    assert await unsent(database) == (0, 0.0)


async def test_the_relay_is_woken_once_the_events_are_committed(database: Example) -> None:
    woken: list[tuple[set[str], int]] = []
    database.on_commit.append(lambda names: woken.append((set(names), len(woken))))

    await publish(database, "a")
    async with database.begin() as work:
        work.wake("other")

    assert [names for names, _ in woken] == [{"outbox"}, {"other"}]


async def test_two_relays_at_once_share_the_events(database: Example) -> None:
    texts = [str(number) for number in range(3 * BATCH)]
    await publish(database, *texts)
    relays = [Recorder(), Recorder()]

    await asyncio.gather(*(drain(database, transport) for transport in relays))

    assert sorted(relays[0].texts + relays[1].texts) == sorted(texts)
    assert (await unsent(database))[0] == 0


async def test_the_events_of_a_relay_that_died_are_taken_over_after_its_claim(
    database: Example, clock: HeldClock
) -> None:
    await publish(database, "a", "b")
    async with database.begin() as work:
        dead, claimed = await outbox.claim(work, BATCH)
    transport = Recorder()

    await drain(database, transport)
    clock.advance(CLAIM)
    await drain(database, transport)
    assert transport.texts == []
    clock.advance(timedelta(seconds=1))
    await drain(database, transport)

    assert transport.texts == ["a", "b"]
    async with database.begin() as work:
        await outbox.postpone(work, dead, claimed[0], "a late word of the dead")
        await outbox.mark_sent(work, dead, [out.event_id for out in claimed])
    assert await unsent(database) == (0, 0.0)


async def test_a_relay_that_lost_its_claim_marks_nothing(database: Example, clock: HeldClock) -> None:
    await publish(database, "a")
    async with database.begin() as work:
        late, claimed = await outbox.claim(work, BATCH)
    clock.advance(CLAIM + timedelta(seconds=1))
    async with database.begin() as work:
        holder, _ = await outbox.claim(work, BATCH)
        await outbox.mark_sent(work, late, [claimed[0].event_id])
    assert (await unsent(database))[0] == 1

    async with database.begin() as work:
        await outbox.mark_sent(work, holder, [claimed[0].event_id])
    assert (await unsent(database))[0] == 0


async def test_what_cannot_be_published_is_tried_again_with_growing_pauses(database: Example, clock: HeldClock) -> None:
    await publish(database, "bad", "good")
    tries: list[datetime] = []

    def refuse(out: Outgoing) -> Exception | None:
        if text(out) != "bad" or len(tries) == 12:
            return None
        tries.append(clock.now())
        return Unavailable("the broker is away")

    transport = Recorder(refuse)
    while "bad" not in transport.texts:
        await relay_once(database, transport)
        async with database.read() as view:
            due = (await view.connection.execute(select(OUTBOX.c.due_at).order_by(OUTBOX.c.position))).scalars().first()
        assert due is not None
        clock.advance(due - clock.now())

    assert transport.texts == ["good", "bad"]
    pauses = [(later - sooner).total_seconds() for sooner, later in pairwise(tries)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]
    async with database.read() as view:
        row = (await view.connection.execute(select(OUTBOX).order_by(OUTBOX.c.position))).first()
    assert row is not None
    assert (row.attempts, row.last_error, row.claim) == (12, None, None)


async def test_the_reason_and_the_age_of_what_waits_can_be_seen(database: Example, clock: HeldClock) -> None:
    await publish(database, "a")
    await relay_once(database, Recorder(lambda _: Unavailable("no broker")))
    clock.advance(timedelta(seconds=42))

    async with database.read() as view:
        assert (await view.connection.execute(select(OUTBOX.c.last_error))).scalar_one() == "Unavailable: no broker"
    assert await unsent(database) == (1, 42.0)


async def test_only_sent_events_are_forgotten_after_the_window(database: Example, clock: HeldClock) -> None:
    await publish(database, "sent")
    await drain(database, Recorder())
    await publish(database, "waiting")
    clock.advance(timedelta(hours=25))

    async with database.begin() as work:
        assert await outbox.purge(work, timedelta(hours=24)) == 1
        assert (await work.connection.execute(select(func.count()).select_from(OUTBOX))).scalar_one() == 1
