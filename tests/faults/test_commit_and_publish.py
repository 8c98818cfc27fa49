"""Between commit and publish, and between publish and mark: nothing is lost there, and nothing counts twice."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from tests.faults.checker import Outline
from tests.faults.workload import COMMANDS, NOTES, begin, seeded
from tests.system import SERVICES, System
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import OUTBOX
from orchestra.cli.api import Api

BROKER = "ORCHESTRA_RABBITMQ_URL"


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


async def unsent(system: System) -> int:
    return sum(row["sent_at"] is None for row in await system.rows("scheduler", "outbox"))


@pytest.mark.timeout(800)
async def test_what_was_committed_before_a_kill_is_published_after_it(
    system: System, api: Api, clean: Outline, proxy: TcpProxy
) -> None:
    chance = seeded()
    marks = sorted(chance.sample(range(2, COMMANDS - 20), len(NOTES)))
    scheduler = system.programs["scheduler"]
    run = await begin(system, api)

    for note, mark in zip(NOTES, marks, strict=True):
        await run.reached(mark)
        proxy.swallow()
        await run.complete(note)  # the API does not need the broker: this commits
        assert await unsent(system) > 0
        scheduler.kill()
        if chance.random() < 0.5:
            proxy.cut()  # else what the dead one had handed to the network still arrives
        proxy.heal()
        await scheduler.start(**{BROKER: proxy.url(scheduler.environment[BROKER])})

    await run.ends_like(clean, notes=())


@pytest.mark.timeout(800)
async def test_what_was_published_and_not_marked_is_published_again_and_counts_once(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    run = await begin(system, api)
    forgotten = 0

    for mark in sorted(chance.sample(range(2, COMMANDS), 5)):
        await run.reached(mark)
        for name in SERVICES:
            rows = [row for row in await system.rows(name, "outbox") if row["sent_at"] is not None]
            some = [row["position"] for row in chance.sample(rows, len(rows) // 5)]
            async with system.database(name) as database, database.begin() as work:
                await work.connection.execute(update(OUTBOX).where(OUTBOX.c.position.in_(some)).values(sent_at=None))
            forgotten += len(some)

    assert forgotten > COMMANDS
    await run.ends_like(clean)
