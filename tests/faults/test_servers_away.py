"""Each server gone, restarted, blocked or silent in the middle of a run, and each service asked to stop.

Whoever asks the API meanwhile gets an answer in time, and what they ask for goes the way of all events: so every fault
meets work, even when the run has ended already. The short forms run always, `make faults` runs the long ones.
"""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
from sqlalchemy import func, select
from tests.faults.asking import Asking
from tests.faults.checker import Outline
from tests.faults.conftest import Servers
from tests.faults.doctor import is_well, names
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.test_kills import at_work
from tests.faults.workload import COMMANDS, SLOTS, begin
from tests.system import SERVICES, System, eventually

from orchestra.chassis.database.tables import OUTBOX
from orchestra.cli.api import Api

ROUNDS = 5 if LONG else 1
HOLE_S = 30 if LONG else 10
"""Longer than every limit of a single step: a publish, a check, a connection."""

ALARM_S = 60 if LONG else 0
"""An alarm lasts so much longer than it takes to see that publishers are held."""

EXIT_S = 30
STOPS = 20 if LONG else 1

WORKERS = ("scheduler", "executor")
"""Without them a run stands still; it may well end while another one is away."""


def marks(chance: random.Random, count: int) -> Iterator[int]:
    """When something happens, in commands done."""
    return iter(sorted(chance.sample(range(2, COMMANDS - 2 * SLOTS), count)))


async def all_ready(system: System) -> None:
    """Every consumer that is expected is there, and nothing waits for long: `readyz` asks the broker itself."""
    started = time.monotonic()
    async with httpx.AsyncClient(timeout=20) as client:

        async def ready() -> bool:
            reports = await asyncio.gather(
                *(client.get(f"{program.url}/readyz") for program in system.programs.values()), return_exceptions=True
            )
            return all(isinstance(report, httpx.Response) and report.status_code == 200 for report in reports)

        await eventually(ready, LONGEST_S)
    print(f"all consumers are back {time.monotonic() - started:.1f} s after the server is")


async def a_publish_ended(system: System) -> bool:
    """Without a confirm: it was given up, and the event is kept."""
    given_up = OUTBOX.c.last_error.like("%confirmed nothing%")
    query = select(func.count()).where(OUTBOX.c.sent_at.is_(None), given_up)
    async with system.database("gateway") as database, database.read() as view:
        return bool((await view.connection.execute(query)).scalar_one())


ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "absolute", "1"), ("set_vm_memory_high_watermark", "0.4")),
    "disk": (("set_disk_free_limit", "100000GB"), ("set_disk_free_limit", "1MB")),
}
"""What raises each, and what ends it."""


@asynccontextmanager
async def alarm(servers: Servers, which: str) -> AsyncIterator[None]:
    raised, ended = ALARMS[which]
    await servers.rabbitmq.ctl(*raised)
    try:
        yield
    finally:
        await servers.rabbitmq.ctl(*ended)


async def test_a_broker_that_is_killed_blocked_or_silent_costs_time_and_nothing_else(
    system: System, api: Api, clean: Outline, servers: Servers
) -> None:
    chance = seeded()
    at = marks(chance, 3 * ROUNDS)
    alarms = itertools.cycle(chance.sample(list(ALARMS), len(ALARMS)))
    run = await begin(system, api)

    async with Asking(system, run) as asking:
        for _ in range(ROUNDS):
            await at_work(run, next(at))
            await asyncio.to_thread(servers.rabbitmq.kill)
            await names(system, "OrchestraNotReady", "OrchestraConsumerMissing")
            await asking.answered()
            await asyncio.to_thread(servers.rabbitmq.start)

            await run.reached(next(at))
            async with alarm(servers, next(alarms)):
                await eventually(lambda: a_publish_ended(system))
                await asyncio.sleep(ALARM_S)
                await asking.answered()

            await run.reached(next(at))
            with servers.rabbitmq.frozen():
                await asyncio.sleep(HOLE_S)
                await asking.answered()
        await all_ready(system)

    assert asking.wrong(away=False) == []
    assert await run.ends_like(clean) == 0
    await asking.every_key_had_one_effect()
    await is_well(system)


async def test_a_database_that_restarts_or_is_silent_is_told_as_such_and_loses_nothing(
    system: System, api: Api, clean: Outline, servers: Servers
) -> None:
    at = marks(seeded(), 3 * ROUNDS)
    run = await begin(system, api)

    async with Asking(system, run) as asking:
        for _ in range(ROUNDS):
            for how in (signal.SIGINT, signal.SIGQUIT):  # fast and immediate
                await run.reached(next(at))
                await asyncio.to_thread(servers.postgres.stop, how)
                await asking.answered(3)
                await asyncio.to_thread(servers.postgres.start)

            await run.reached(next(at))
            with servers.postgres.frozen():
                await asyncio.sleep(HOLE_S)
                await asking.answered(3)
        await all_ready(system)

    assert asking.wrong(away=True) == []
    await run.ends_like(clean)
    await asking.every_key_had_one_effect()
    await is_well(system)


async def test_without_redis_everything_goes_on(system: System, api: Api, clean: Outline, servers: Servers) -> None:
    at = marks(seeded(), 2)
    run = await begin(system, api)

    async with Asking(system, run) as asking:
        await at_work(run, next(at))
        await asyncio.to_thread(servers.redis.kill)
        await asking.answered()
        await asyncio.to_thread(servers.redis.start)
        await run.reached(next(at))
        with servers.redis.frozen():  # the run may well end meanwhile
            await asyncio.sleep(HOLE_S)
            await asking.answered()

    assert asking.wrong(away=False) == []
    assert await run.ends_like(clean) == 0
    await all_ready(system)
    await asking.every_key_had_one_effect()
    await is_well(system)


async def test_a_service_that_is_asked_to_stop_ends_in_time_and_hands_over(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    others = [name for name in SERVICES if name not in WORKERS]
    at = marks(chance, STOPS * len(WORKERS))
    run = await begin(system, api)

    async with Asking(system, run) as asking:
        for _ in range(STOPS):
            for victim in [*chance.sample(WORKERS, len(WORKERS)), *chance.sample(others, len(others))]:
                await (at_work(run, next(at)) if victim in WORKERS else asking.answered())
                system.programs[victim].terminate()
                await asyncio.to_thread(system.programs[victim].ended, EXIT_S)
                await system.programs[victim].start()

    assert asking.wrong(away=True, gone=True) == []
    assert await run.ends_like(clean) == 0
    await asking.every_key_had_one_effect()
    await is_well(system)
