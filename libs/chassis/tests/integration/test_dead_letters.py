"""Dead letters: listed, shown, replayed."""

from datetime import timedelta

import pytest
from libs.chassis.tests.example.events import NoteTaken, envelope, note
from libs.chassis.tests.example.work import ExampleWork

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.consume import consume, retry_due
from orchestra.chassis.messaging.dead_letters import DeadLetter, NoSuchDeadLetter, NotReplayable
from orchestra.chassis.messaging.message import pack
from orchestra.chassis.messaging.replay import replay
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]


class Buggy:
    def __init__(self) -> None:
        self.error: Exception | None = ValueError("a bug")
        subscriptions = Subscriptions("example")
        subscriptions.on(NoteTaken)(self.handle)
        self.by_name = subscriptions.by_name()
        [self.subscription] = subscriptions

    async def handle(self, event: NoteTaken, work: ExampleWork) -> None:
        await work.note(event.text)
        if self.error:
            raise self.error


@pytest.fixture
def buggy() -> Buggy:
    return Buggy()


async def letters(database: Example, *, replayed: bool = False) -> list[DeadLetter]:
    async with database.read() as view:
        return await dead_letters.page(view, limit=100, replayed=replayed)


async def notes(database: Example) -> list[str]:
    async with database.read() as view:
        return await view.notes()


async def test_a_replay_works_once_the_bug_is_mended(database: Example, buggy: Buggy, clock: HeldClock) -> None:
    await consume(buggy.subscription, [envelope(note("a"))], database)
    [letter] = await letters(database)
    clock.advance(timedelta(hours=1))

    buggy.error = None
    replayed = await replay(database, buggy.by_name, letter.id)

    assert replayed.replayed_at == clock.now()
    assert await notes(database) == ["a"]
    assert await letters(database) == []
    assert await letters(database, replayed=True) == [replayed]
    await replay(database, buggy.by_name, letter.id)
    assert await notes(database) == ["a"]


async def test_a_replay_that_fails_again_is_fresh_again_with_the_new_reason(
    database: Example, buggy: Buggy, clock: HeldClock
) -> None:
    await consume(buggy.subscription, [envelope(note("a"))], database)
    [letter] = await letters(database)
    clock.advance(timedelta(hours=1))

    buggy.error = KeyError("another bug")
    again = await replay(database, buggy.by_name, letter.id)

    assert (again.id, again.reason, again.replayed_at, again.at) == (
        letter.id,
        "KeyError: 'another bug'",
        None,
        clock.now(),
    )
    assert await letters(database) == [again]


async def test_a_replay_whose_trouble_may_pass_goes_on_as_a_retry(
    database: Example, buggy: Buggy, clock: HeldClock
) -> None:
    await consume(buggy.subscription, [envelope(note("a"))], database)
    [letter] = await letters(database)

    buggy.error = Transient("not now")
    await replay(database, buggy.by_name, letter.id)
    buggy.error = None
    clock.advance(timedelta(seconds=2))
    await retry_due(buggy.by_name, database)

    assert (await notes(database), await letters(database)) == (["a"], [])


async def test_a_replay_survives_a_database_that_goes_away_in_the_middle(database: Example, buggy: Buggy) -> None:
    await consume(buggy.subscription, [envelope(note("a"))], database)
    [letter] = await letters(database)

    buggy.error = Unavailable("gone")
    with pytest.raises(Unavailable):
        await replay(database, buggy.by_name, letter.id)
    buggy.error = None
    await retry_due(buggy.by_name, database)

    assert (await notes(database), await letters(database)) == (["a"], [])


async def test_each_event_of_a_message_that_the_broker_gave_up_is_replayed(database: Example, buggy: Buggy) -> None:
    body = pack([envelope(note(text)).to_json() for text in ("a", "b")]).decode()
    async with database.begin() as work:
        name = buggy.subscription.name
        await dead_letters.store(
            work, subscription=name, event_id="msg_1", kind="note.taken.v1", body=body, reason="given up"
        )
    [letter] = await letters(database)

    buggy.error = None
    await replay(database, buggy.by_name, letter.id)

    assert await notes(database) == ["a", "b"]


async def test_what_cannot_be_replayed_says_why(database: Example, buggy: Buggy) -> None:
    async with database.begin() as work:
        for name, body in (("example:note.taken.v1", "no JSON"), ("example:gone.v1", "{}")):
            await dead_letters.store(work, subscription=name, event_id="x", kind="x", body=body, reason="x")
    newest, oldest = await letters(database)

    with pytest.raises(NoSuchDeadLetter, match="ded_none"):
        await replay(database, buggy.by_name, "ded_none")
    with pytest.raises(NotReplayable, match="nothing here listens as"):
        await replay(database, buggy.by_name, newest.id)
    with pytest.raises(NotReplayable, match="cannot be decoded"):
        await replay(database, buggy.by_name, oldest.id)
    assert len(await letters(database)) == 2
