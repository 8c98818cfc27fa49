"""What every transport promises: one suite, both of them."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from tests.servers import Postgres
from tests.transports.conftest import Kind, Line, approved, line_on, succeeded

from orchestra.chassis.errors import Transient
from orchestra.chassis.messaging.consume import retry_due
from orchestra.contracts.event import Event


async def test_every_event_is_heard_once(line: Line) -> None:
    subjects = [f"p{n}" for n in range(50)]
    await line.say(*(approved(subject) for subject in subjects))
    await line.until_heard(*subjects)
    assert Counter(line.ear.calls) == Counter(subjects)
    assert await line.unsent() == []
    assert await line.dead() == {}


async def test_packed_events_arrive_as_lists_and_each_counts_once(line: Line) -> None:
    subjects = [f"a{n}" for n in range(300)]
    await line.say(*(succeeded(subject) for subject in subjects))
    await line.until_heard(*subjects)
    assert sum(line.ear.deliveries) == 300
    assert max(line.ear.deliveries) > 1


async def test_packed_events_larger_than_one_message_are_split(line: Line) -> None:
    subjects = [f"a{n}" for n in range(100)]
    await line.say(*(succeeded(subject, tail="x" * 10_000) for subject in subjects))
    await line.until_heard(*subjects)


async def test_what_is_handed_over_again_is_done_once(line: Line) -> None:
    await line.say(approved("p1"), relay=False)
    async with line.sayer.read() as view:
        from orchestra.chassis.messaging.outbox import Outgoing

        row = (await view.connection.exec_driver_sql("SELECT event_id, kind, body FROM outbox")).one()
    out = Outgoing(*row)
    for _ in range(3):  # as after a kill between publishing and marking
        assert await line.ends[0].publish([out]) == [None]
    await line.relay()
    await line.until_heard("p1")
    await line.say(approved("p2"))
    await line.until_heard("p2")
    assert line.ear.calls == ["p1", "p2"]


async def test_a_poison_event_is_set_aside_and_its_neighbours_are_heard(line: Line) -> None:
    async def poison(event: Event) -> None:
        if event.subject == "bad":
            raise ValueError("it cannot be done")

    line.ear.before = poison
    await line.say(*(succeeded(subject) for subject in ("a", "b", "bad", "c")))
    await line.until_heard("a", "b", "c")
    await line.until(line.dead)
    [reason] = (await line.dead()).values()
    assert reason == "ValueError: it cannot be done"
    assert "bad" not in await line.heard()


async def test_transient_trouble_becomes_a_retry_row_and_passes(line: Line) -> None:
    trouble = [True]

    async def busy(event: Event) -> None:
        if trouble:
            raise Transient("busy")

    line.ear.before = busy
    await line.say(approved("p1"))

    async def waits() -> bool:
        async with line.hearer.read() as view:
            return bool((await view.connection.exec_driver_sql("SELECT count(*) FROM retry")).scalar())

    await line.until(waits)
    assert await line.unsent() == []
    trouble.clear()

    async def passed() -> bool:
        await retry_due(line.subscriptions.by_name(), line.hearer)
        return "p1" in await line.heard()

    await line.until(passed)
    assert await line.dead() == {}
    assert not await waits()


@pytest.mark.parametrize("kind", ["in process", "rabbit"])
async def test_a_database_that_is_away_burns_no_delivery(
    kind: Kind, postgres: Postgres, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    hearer_url = await postgres.create()
    name = hearer_url.rpartition("/")[2]
    broker = request.getfixturevalue("virtual_host") if kind == "rabbit" else ""
    async with line_on(kind, broker, tmp_path, hearer_url) as line:
        await line.say(approved("before"))
        await line.until_heard("before")
        async with postgres._connection() as admin:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            await line.say(*(approved(f"p{n}") for n in range(20)))
            await asyncio.sleep(1.0)  # time for a wrong implementation to burn something
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

        async def all_heard() -> bool:
            await line.relay()
            return {f"p{n}" for n in range(20)} <= await line.heard()

        await line.until(all_heard, 40)
        assert await line.dead() == {}
        assert len(await line.heard()) == 21
