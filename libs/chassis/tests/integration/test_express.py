"""The express: what is committed here goes out at once, and is never lost for being in a hurry."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from libs.chassis.tests.example.events import note
from libs.chassis.tests.example.work import ExampleWork
from libs.chassis.tests.integration.test_relay import Recorder, drain, publish, unsent

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging import handover
from orchestra.chassis.messaging.express import Express
from orchestra.chassis.messaging.handover import CLAIM
from orchestra.chassis.messaging.message import Outgoing
from orchestra.chassis.messaging.relay import BATCH
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]


@pytest.fixture
def hurried(database: Example) -> Example:
    database.handover.is_open = True
    return database


async def test_what_is_committed_is_published_without_asking_the_outbox(hurried: Example) -> None:
    transport = Recorder()
    express = Express(hurried, transport)
    await publish(hurried, "a")
    await publish(hurried, "b", "c")
    relayed = Recorder()
    await drain(hurried, relayed)  # it is claimed: another relay leaves it alone

    await express.finish()

    assert (transport.texts, relayed.texts) == (["a", "b", "c"], [])
    assert await unsent(hurried) == (0, 0.0)


async def test_what_is_rolled_back_is_never_handed_over(hurried: Example) -> None:
    async def fails() -> None:
        async with hurried.begin() as work:
            work.publish(note("never"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()

    assert len(hurried.handover) == 0


async def test_it_is_published_before_the_outbox_says_so(hurried: Example) -> None:
    transport = Recorder()
    express = Express(hurried, transport)
    await publish(hurried, "a")
    while not transport.texts:
        await asyncio.sleep(0)

    assert (await unsent(hurried))[0] == 1
    await express.mark()
    assert (await unsent(hurried))[0] == 0


async def test_what_cannot_be_published_is_left_to_the_relay(hurried: Example, clock: HeldClock) -> None:
    express = Express(hurried, Recorder(lambda _: Unavailable("no broker")))
    await publish(hurried, "a")
    await express.finish()
    clock.advance(timedelta(seconds=1))

    relayed = Recorder()
    await drain(hurried, relayed)

    assert relayed.texts == ["a"]
    assert await unsent(hurried) == (0, 0.0)


async def test_what_a_dead_process_had_in_hand_goes_out_when_its_claim_has_run_out(
    hurried: Example, clock: HeldClock
) -> None:
    await publish(hurried, "a")
    hurried.handover.take(BATCH)  # and then it was killed
    relayed = Recorder()
    await drain(hurried, relayed)
    assert relayed.texts == []

    clock.advance(CLAIM + timedelta(seconds=1))
    await drain(hurried, relayed)

    assert relayed.texts == ["a"]


async def test_a_publication_that_is_cut_off_goes_on_with_the_next_step(hurried: Example) -> None:
    class Stuck(Recorder):
        async def publish(self, batch: object) -> list[Exception | None]:
            await asyncio.Event().wait()
            raise AssertionError

    await publish(hurried, "a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await Express(hurried, Stuck()).finish()

    transport = Recorder()
    await Express(hurried, transport).finish()
    assert transport.texts == ["a"]


async def test_what_finds_no_room_goes_by_the_outbox(hurried: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "MOST", 2)
    await publish(hurried, "a", "b")
    await publish(hurried, "c")
    transport, relayed = Recorder(), Recorder()

    await drain(hurried, relayed)
    await Express(hurried, transport).finish()

    assert (transport.texts, relayed.texts) == (["a", "b"], ["c"])


async def test_batches_go_out_in_their_order_and_none_waits_for_the_one_before(hurried: Example) -> None:
    transport = Recorder()
    express = Express(hurried, transport)
    texts = [f"{n:04}" for n in range(3 * BATCH)]
    await publish(hurried, *texts)
    assert len(hurried.handover) == 0
    await express.finish()

    assert transport.texts == texts
    assert transport.batches == [BATCH] * 3


async def test_what_finds_no_room_on_the_way_goes_when_something_has_arrived(
    hurried: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.chassis.messaging.express.ON_THEIR_WAY", 1)
    transport = Recorder()
    express = Express(hurried, transport)
    await publish(hurried, "a")
    await publish(hurried, "b")
    while len(transport.texts) < 2:
        await asyncio.sleep(0)

    await express.finish()

    assert transport.texts == ["a", "b"]


async def test_what_a_bug_gave_back_is_tried_again_with_the_next_step(hurried: Example) -> None:
    class Broken(Recorder):
        is_broken = True

        async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
            if self.is_broken:
                raise ZeroDivisionError
            return await super().publish(batch)

    transport = Broken()
    express = Express(hurried, transport)
    await publish(hurried, "a")
    while not len(hurried.handover):
        await asyncio.sleep(0)
    transport.is_broken = False

    await express.step()
    await express.finish()

    assert transport.texts == ["a"]
