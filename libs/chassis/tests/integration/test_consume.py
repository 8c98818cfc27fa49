"""One delivery is one transaction, whatever is in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from libs.chassis.tests.example.events import NoteTaken, envelope, note
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import func, select

from orchestra.chassis.database.tables import INBOX, OUTBOX, RETRY
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.message import decode
from orchestra.chassis.messaging.subscriptions import Subscription, Subscriptions

Example = Database[ExampleWork]


def listening(handler: Callable[[NoteTaken, ExampleWork], Awaitable[None]]) -> Subscription:
    subscriptions = Subscriptions("example")
    subscriptions.on(NoteTaken)(handler)
    return subscriptions.by_name()["example:note.taken.v1"]


async def take(event: NoteTaken, work: ExampleWork) -> None:
    await work.note(event.text)
    if event.text.startswith("poison"):
        raise ValueError(f"cannot digest {event.text}")
    if event.text.startswith("later"):
        raise Transient(f"not now: {event.text}")


async def state(database: Example) -> tuple[list[str], list[str], int, int]:
    """Notes, reasons of dead letters, retry rows, inbox marks."""
    async with database.read() as view:
        letters = await dead_letters.page(view, limit=1000)
        counts = [
            (await view.connection.execute(select(func.count()).select_from(t))).scalar_one() for t in (RETRY, INBOX)
        ]
        return await view.notes(), [letter.reason for letter in letters], counts[0], counts[1]


async def test_state_inbox_and_outbox_commit_together(database: Example) -> None:
    async def answer(event: NoteTaken, work: ExampleWork) -> None:
        await work.note(event.text)
        work.publish(note("re: " + event.text))

    first = envelope(note("a"))
    await consume(listening(answer), [first], database)

    assert await state(database) == (["a"], [], 0, 1)
    async with database.read() as view:
        [row] = (await view.connection.execute(select(OUTBOX))).all()
    [published] = decode(row.body)
    assert published.event == note("re: a")
    assert (published.cloud.causationid, published.cloud.correlationid) == (first.id, first.id)


async def test_a_handler_that_raises_leaves_nothing_but_a_dead_letter_with_its_traceback(database: Example) -> None:
    async def fail(event: NoteTaken, work: ExampleWork) -> None:
        await work.note(event.text)
        work.publish(note("never"))
        work.wake("never")
        raise KeyError(event.text)

    woken: list[set[str]] = []
    database.on_commit.append(woken.append)
    bad = envelope(note("a"))
    await consume(listening(fail), [bad], database)

    assert await state(database) == ([], ["KeyError: 'a'"], 0, 0)
    async with database.read() as view:
        [letter] = await dead_letters.page(view, limit=10)
        assert (await view.connection.execute(select(OUTBOX))).first() is None
    assert (letter.subscription, letter.event_id, letter.kind) == ("example:note.taken.v1", bad.id, "note.taken.v1")
    assert "raise KeyError(event.text)" in letter.traceback
    assert decode(letter.body)[0].event == note("a")
    assert not any("never" in names for names in woken)


async def test_a_second_delivery_does_nothing(database: Example) -> None:
    a, b = envelope(note("a")), envelope(note("b"))
    subscription = listening(take)

    await consume(subscription, [a, a], database)
    await consume(subscription, [a], database)
    await consume(subscription, [b, a, b], database)

    assert await state(database) == (["a", "b"], [], 0, 2)


async def test_the_same_delivery_on_two_replicas_at_once_has_one_effect(database: Example) -> None:
    envelopes = [envelope(note(str(number))) for number in range(10)]
    subscription = listening(take)

    await asyncio.gather(*(consume(subscription, envelopes, database) for _ in range(4)))

    assert (await state(database))[0] == [str(number) for number in range(10)]


async def test_two_subscriptions_to_one_event_both_have_it(database: Example) -> None:
    other = Subscriptions("other")
    other.on(NoteTaken)(take)
    shared = envelope(note("a"))

    await consume(listening(take), [shared], database)
    await consume(next(iter(other)), [shared], database)

    assert (await state(database))[0] == ["a", "a"]


async def test_a_poison_event_does_not_spoil_its_neighbours(database: Example) -> None:
    texts = ["a", "poison 1", "b", "later", "poison 2", "c"]
    await consume(listening(take), [envelope(note(text)) for text in texts], database)

    notes, reasons, retries, marks = await state(database)
    assert notes == ["a", "b", "c"]
    assert sorted(reasons) == [f"ValueError: cannot digest poison {number}" for number in (1, 2)]
    assert (retries, marks) == (1, 3)


async def test_an_event_whose_fields_are_wrong_is_a_dead_letter_and_its_neighbours_are_not(database: Example) -> None:
    good, bad = envelope(note("a")), envelope(note("b"))
    mangled = decode(bad.to_json().replace('"text":"b"', '"words":"b"'))

    await consume(listening(take), [good, *mangled], database)

    notes, [reason], _, _ = await state(database)
    assert notes == ["a"]
    assert reason.startswith("Undecodable: note.taken.v1: 1 validation error")


async def test_a_batch_handler_gets_all_fresh_events_at_once(database: Example) -> None:
    batches: list[list[str]] = []
    subscriptions = Subscriptions("example")

    @subscriptions.on_batch(NoteTaken)
    async def together(events: Sequence[NoteTaken], work: ExampleWork) -> None:
        batches.append([event.text for event in events])
        assert [each.event for each in work.delivery] == list(events)

    [subscription] = subscriptions
    a, b, c = (envelope(note(text)) for text in "abc")
    await consume(subscription, [a], database)
    await consume(subscription, [a, b, c], database)
    await consume(subscription, [b, c], database)

    assert batches == [["a"], ["b", "c"]]


async def test_each_event_of_a_delivery_is_the_cause_of_what_follows_from_it(database: Example) -> None:
    async def answer(event: NoteTaken, work: ExampleWork) -> None:
        work.publish(note("re: " + event.text))

    traces = [f"00-{number:032x}-{1:016x}-01" for number in (1, 2, 3)]
    causes = [envelope(note(str(number)), trace) for number, trace in enumerate(traces)]
    await consume(listening(answer), causes, database)

    async with database.read() as view:
        bodies = (await view.connection.execute(select(OUTBOX.c.body).order_by(OUTBOX.c.position))).scalars()
    published = [decode(body)[0].cloud for body in bodies]
    assert [cloud.causationid for cloud in published] == [cause.id for cause in causes]
    assert [cloud.correlationid for cloud in published] == [cause.id for cause in causes]
    assert [str(cloud.traceparent).split("-")[1] for cloud in published] == [trace.split("-")[1] for trace in traces]


async def test_only_a_database_that_is_away_stops_a_delivery(database: Example) -> None:
    async def away(event: NoteTaken, work: ExampleWork) -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        await consume(listening(away), [envelope(note("a")), envelope(note("b"))], database)

    assert await state(database) == ([], [], 0, 0)


@pytest.mark.parametrize(
    "bug", [FileNotFoundError("no such file"), PermissionError("not yours"), RecursionError("deep")]
)
async def test_a_handler_s_own_trouble_is_not_taken_for_the_database_s(bug: Exception, database: Example) -> None:
    async def fail(event: NoteTaken, work: ExampleWork) -> None:
        raise bug

    await consume(listening(fail), [envelope(note("a"))], database)

    assert (await state(database))[1] == [f"{type(bug).__name__}: {bug}"]


async def test_what_cannot_be_said_in_a_row_still_becomes_a_dead_letter(database: Example) -> None:
    async def fail(event: NoteTaken, work: ExampleWork) -> None:
        raise ValueError(f"{event.text} \x00")

    await consume(listening(fail), [envelope(note("a\x00b"))], database)

    assert (await state(database))[1] == ["ValueError: a\N{REPLACEMENT CHARACTER}b \N{REPLACEMENT CHARACTER}"]
