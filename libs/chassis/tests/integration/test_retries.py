"""Trouble that may pass: put off, tried again, given up after MOST_RETRIES."""

from datetime import timedelta

import pytest
from libs.chassis.tests.example.events import NoteTaken, envelope, note
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import select

from orchestra.chassis.database.tables import RETRY
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.consume import MOST_RETRIES, consume, retry_due
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]


class Flaky:
    """Fails with `error` so often, then notes what it is given."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error
        self.tries = 0
        subscriptions = Subscriptions("example")
        subscriptions.on(NoteTaken)(self.handle)
        [self.subscription] = subscriptions

    async def handle(self, event: NoteTaken, work: ExampleWork) -> None:
        self.tries += 1
        await work.note(event.text)
        if self.tries <= self.failures:
            raise self.error

    async def retry(self, database: Example) -> int:
        return await retry_due({self.subscription.name: self.subscription}, database)


async def waiting(database: Example) -> list[tuple[int, str]]:
    async with database.read() as view:
        return [tuple(row) for row in await view.connection.execute(select(RETRY.c.attempts, RETRY.c.reason))]


async def reasons(database: Example) -> list[str]:
    async with database.read() as view:
        return [letter.reason for letter in await dead_letters.page(view, limit=10)]


async def notes(database: Example) -> list[str]:
    async with database.read() as view:
        return await view.notes()


async def test_passing_trouble_is_handled_later(database: Example, clock: HeldClock) -> None:
    flaky = Flaky(2, Transient("not now"))

    await consume(flaky.subscription, [envelope(note("a"))], database)
    assert await waiting(database) == [(1, "not now")]
    assert await flaky.retry(database) == 0
    clock.advance(timedelta(seconds=2))
    assert await flaky.retry(database) == 1
    assert await waiting(database) == [(2, "not now")]
    clock.advance(timedelta(seconds=3))
    assert await flaky.retry(database) == 0
    clock.advance(timedelta(seconds=1))
    assert await flaky.retry(database) == 1

    assert (await notes(database), await waiting(database), await reasons(database)) == (["a"], [], [])


async def test_trouble_that_does_not_pass_becomes_a_dead_letter(database: Example, clock: HeldClock) -> None:
    flaky = Flaky(1000, Transient("never"))
    begun = clock.now()
    await consume(flaky.subscription, [envelope(note("a"))], database)

    while await waiting(database):
        clock.advance(timedelta(seconds=1))
        await flaky.retry(database)

    assert flaky.tries == 1 + MOST_RETRIES
    assert await reasons(database) == [f"still failing after {MOST_RETRIES} retries: never"]
    assert clock.now() - begun == timedelta(seconds=sum(2**n for n in range(1, MOST_RETRIES + 1)))
    assert await notes(database) == []


async def test_a_retry_that_meets_a_bug_becomes_a_dead_letter_at_once(database: Example, clock: HeldClock) -> None:
    flaky = Flaky(1000, Transient("not now"))
    await consume(flaky.subscription, [envelope(note("a"))], database)
    flaky.error = ValueError("a bug")

    clock.advance(timedelta(seconds=2))
    await flaky.retry(database)

    assert (await waiting(database), await reasons(database)) == ([], ["ValueError: a bug"])


async def test_a_delivery_that_comes_again_while_it_is_put_off_is_handled_once(
    database: Example, clock: HeldClock
) -> None:
    flaky, again = Flaky(1, Transient("not now")), envelope(note("a"))
    await consume(flaky.subscription, [again], database)

    await consume(flaky.subscription, [again], database)
    clock.advance(timedelta(seconds=2))
    await flaky.retry(database)

    assert (await notes(database), await waiting(database), flaky.tries) == (["a"], [], 2)


async def test_a_retry_keeps_its_row_while_the_database_is_away(database: Example, clock: HeldClock) -> None:
    flaky = Flaky(2, Transient("not now"))
    await consume(flaky.subscription, [envelope(note("a"))], database)
    flaky.error = Unavailable("gone")
    clock.advance(timedelta(seconds=2))

    with pytest.raises(Unavailable):
        await flaky.retry(database)

    assert await waiting(database) == [(1, "not now")]
    await flaky.retry(database)
    assert (await notes(database), await waiting(database)) == (["a"], [])


async def test_what_this_version_does_not_listen_to_is_left_alone(database: Example, clock: HeldClock) -> None:
    flaky = Flaky(1, Transient("not now"))
    await consume(flaky.subscription, [envelope(note("a"))], database)
    clock.advance(timedelta(hours=1))

    assert await retry_due({}, database) == 0
    assert len(await waiting(database)) == 1
