"""Between commit and publish, between publish and mark, between commit and acknowledgement: nothing is lost there, and
nothing counts twice."""

import random
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import update
from tests.faults.checker import Outline
from tests.faults.test_kills import at_work
from tests.faults.test_redelivery import recognised
from tests.faults.workload import COMMANDS, LONG, NOTES, SLOTS, begin, seeded
from tests.system import SERVICES, System, eventually
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import OUTBOX
from orchestra.cli.api import Api

BROKER = "ORCHESTRA_RABBITMQ_URL"
KILLS = 101 if LONG else len(NOTES)
"""At each point. Beyond the notes a task is paused and resumed in turn, so their number must be even."""


def marks(chance: random.Random, count: int) -> list[int]:
    return sorted(chance.sample(range(2, COMMANDS - 4 * SLOTS), count))


@pytest.fixture
async def proxy(system: System) -> AsyncIterator[TcpProxy]:
    """Between the scheduler and the broker."""
    scheduler = system.programs["scheduler"]
    made = await TcpProxy.before(scheduler.environment[BROKER])
    scheduler.kill()
    await scheduler.start(**{BROKER: made.url(scheduler.environment[BROKER])})
    yield made
    scheduler.kill()
    await scheduler.start()
    await made.close()


async def handled(system: System) -> int:
    """How many outcomes of attempts."""
    return sum(row["status"] == "ended" for row in await system.rows("scheduler", "dispatch"))


async def more_handled(system: System, before: int) -> bool:
    return await handled(system) > before


async def unsent(system: System) -> int:
    """How many events of the scheduler."""
    return sum(row["sent_at"] is None for row in await system.rows("scheduler", "outbox"))


@pytest.mark.timeout(1800 if LONG else 800)
async def test_what_was_committed_before_a_kill_is_published_after_it(
    system: System, api: Api, clean: Outline, proxy: TcpProxy
) -> None:
    chance = seeded()
    scheduler = system.programs["scheduler"]
    run = await begin(system, api)
    tasks = {task["key"]: task["id"] for task in await api.all(f"/runs/{run.id}/tasks")}

    for number, mark in enumerate(marks(chance, KILLS)):
        await run.reached(mark)
        proxy.swallow()
        if number < len(NOTES):
            await run.complete(NOTES[number])  # the API does not need the broker: this commits
        else:
            await api.post(f"/tasks/{tasks['sign']}/{'resume' if number % 2 == 0 else 'pause'}", {})

        await eventually(partial(unsent, system))
        scheduler.kill()
        if chance.random() < 0.5:
            proxy.cut()  # else what the dead one had handed to the network still arrives
        proxy.heal()
        await scheduler.start(**{BROKER: proxy.url(scheduler.environment[BROKER])})

    await run.ends_like(clean, notes=())


@pytest.mark.timeout(1800 if LONG else 800)
async def test_what_was_committed_and_not_acknowledged_comes_again_and_counts_once(
    system: System, api: Api, clean: Outline, proxy: TcpProxy
) -> None:
    scheduler = system.programs["scheduler"]
    run = await begin(system, api)
    known = recognised(system)

    for mark in marks(seeded(), KILLS):
        await at_work(run, mark)
        async with proxy.mute():
            await eventually(partial(more_handled, system, await handled(system)))
            scheduler.kill()
            proxy.cut()
        await scheduler.start(**{BROKER: proxy.url(scheduler.environment[BROKER])})

    assert await run.ends_like(clean) == 0
    assert recognised(system) - known >= KILLS


@pytest.mark.timeout(1800 if LONG else 800)
async def test_what_was_published_and_not_marked_is_published_again_and_counts_once(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    run = await begin(system, api)
    forgotten = 0

    for mark in sorted(chance.sample(range(2, COMMANDS), 100 if LONG else 5)):
        await run.reached(mark)
        for name in SERVICES:
            rows = [row for row in await system.rows(name, "outbox") if row["sent_at"] is not None]
            some = [row["position"] for row in chance.sample(rows, len(rows) // 5)]
            async with system.database(name) as database, database.begin() as work:
                await work.connection.execute(update(OUTBOX).where(OUTBOX.c.position.in_(some)).values(sent_at=None))
            forgotten += len(some)

    assert forgotten > COMMANDS
    await run.ends_like(clean)
