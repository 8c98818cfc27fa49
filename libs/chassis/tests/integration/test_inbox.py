"""Parts that wait for the others, and what is newest."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from libs.chassis.tests.example.events import BookWritten, envelope, note, page
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import func, select

from orchestra.chassis.database.tables import EVENT_PART, INBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.messaging import inbox
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.subscriptions import Subscription, Subscriptions
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]


def reading() -> Subscription:
    """Notes a whole book as one text."""
    subscriptions = Subscriptions("example")

    @subscriptions.on(BookWritten)
    async def book_written(event: BookWritten, work: ExampleWork) -> None:
        parts = await inbox.gather(work, "example:book.written.v1", event)
        if parts is not None:
            await work.note(f"{event.book_id}: " + ", ".join(part.text for part in parts))

    [subscription] = subscriptions
    return subscription


async def result(database: Example) -> tuple[list[str], int]:
    """Notes, and rows that still wait."""
    async with database.read() as view:
        waiting = (await view.connection.execute(select(func.count()).select_from(EVENT_PART))).scalar_one()
        return await view.notes(), waiting


WHOLE = "bok_1: page 1, page 2, page 3"


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
async def test_parts_are_whole_with_the_last_one_in_any_order(order: tuple[int, ...], database: Example) -> None:
    for part in order[:2]:
        await consume(reading(), [envelope(page(part, 3))], database)
    assert (await result(database))[0] == []

    await consume(reading(), [envelope(page(order[2], 3))], database)

    assert await result(database) == ([WHOLE], 0)


async def test_parts_in_one_delivery_are_whole_too(database: Example) -> None:
    await consume(reading(), [envelope(page(part, 3)) for part in (2, 3, 1)], database)

    assert await result(database) == ([WHOLE], 0)


async def test_a_part_that_comes_again_is_no_other_part(database: Example) -> None:
    for part in (1, 1, 2, 2, 1):
        await consume(reading(), [envelope(page(part, 3))], database)
    assert (await result(database))[0] == []

    await consume(reading(), [envelope(page(3, 3))], database)

    assert await result(database) == ([WHOLE], 0)


async def test_parts_of_two_books_are_not_mixed(database: Example) -> None:
    for part in (1, 2, 3):
        await consume(reading(), [envelope(page(part, 3)), envelope(page(part, 3, "bok_2"))], database)

    assert await result(database) == ([WHOLE, WHOLE.replace("bok_1", "bok_2")], 0)


async def test_an_event_in_one_part_waits_for_nothing(database: Example) -> None:
    await consume(reading(), [envelope(page(1, 1))], database)

    assert await result(database) == (["bok_1: page 1"], 0)


async def test_the_last_two_parts_in_two_transactions_at_once_are_not_lost(database: Example) -> None:
    for number in range(20):
        book = f"bok_{number}"
        await consume(reading(), [envelope(page(1, 3, book))], database)
        await asyncio.gather(*(consume(reading(), [envelope(page(part, 3, book))], database) for part in (2, 3)))

    notes, waiting = await result(database)
    assert notes == [WHOLE.replace("bok_1", f"bok_{number}") for number in range(20)]
    assert waiting == 0


async def test_a_part_that_arrives_while_another_is_not_committed_waits_for_it(postgres_url: str) -> None:
    database = Database(postgres_url, "example", ExampleWork, pool_size=3)
    name = "example:book.written.v1"
    async with database.begin() as first:
        assert await inbox.gather(first, name, page(1, 2)) is None
        second = asyncio.create_task(consume(reading(), [envelope(page(2, 2))], database))
        async with asyncio.timeout(10):
            while not await blocked(database):
                await asyncio.sleep(0.01)
        assert not second.done()
    await second

    assert await result(database) == (["bok_1: page 1, page 2"], 0)
    await database.close()


async def blocked(database: Example) -> bool:
    async with database.read() as view:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool((await view.connection.exec_driver_sql(waits)).scalar_one())


async def test_newer_is_what_has_a_higher_sequence_than_all_before(database: Example) -> None:
    async with database.begin() as work:
        seen = [await inbox.is_newer(work, "s", "not_1", sequence) for sequence in (3, 1, 3, 4, 2, 5)]
        others = [await inbox.is_newer(work, "s", "not_2", 1), await inbox.is_newer(work, "t", "not_1", 1)]

    assert seen == [True, False, False, True, False, True]
    assert others == [True, True]


async def test_what_was_undone_is_not_remembered_as_newest(database: Example) -> None:
    async def see_and_fail() -> None:
        async with database.begin() as work:
            assert await inbox.is_newer(work, "s", "not_1", 7)
            raise LookupError

    with pytest.raises(LookupError):
        await see_and_fail()

    async with database.begin() as work:
        assert await inbox.is_newer(work, "s", "not_1", 1)


async def test_of_many_at_once_the_highest_sequence_stays(database: Example) -> None:
    async def see(sequence: int) -> None:
        async with database.begin() as work:
            await inbox.is_newer(work, "s", "not_1", sequence)

    await asyncio.gather(*(see(sequence) for sequence in (5, 2, 9, 1, 7, 3)))

    async with database.begin() as work:
        assert not await inbox.is_newer(work, "s", "not_1", 9)
        assert await inbox.is_newer(work, "s", "not_1", 10)


async def test_old_marks_are_forgotten_and_young_ones_are_not(database: Example, clock: HeldClock) -> None:
    async with database.begin() as work:
        await inbox.claim(work, "s", [envelope(note("old")).id])
    clock.advance(timedelta(days=14))
    async with database.begin() as work:
        await inbox.claim(work, "s", [envelope(note("young")).id])
        clock.advance(timedelta(seconds=1))

    async with database.begin() as work:
        assert await inbox.purge(work, timedelta(days=14)) == 1
        assert (await work.connection.execute(select(func.count()).select_from(INBOX))).scalar_one() == 1
