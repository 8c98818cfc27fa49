"""Between commit and publish, between publish and mark, between commit and acknowledgement: nothing is lost there, and
nothing counts twice."""

import random
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import update
from tests.faults.checker import Outline
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.points import before_inserting, behind_proxy, start_behind, unsent
from tests.faults.test_kills import at_work
from tests.faults.test_redelivery import recognised
from tests.faults.workload import COMMANDS, DOCUMENT, NOTES, SLOTS, TEAM, begin
from tests.system import SERVICES, System, eventually
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import OUTBOX
from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import propose

KILLS = 101 if LONG else len(NOTES)
"""At each point. Beyond the notes a task is paused and resumed in turn, so their number must be even."""


def marks(chance: random.Random, count: int) -> list[int]:
    return sorted(chance.sample(range(2, COMMANDS - 4 * SLOTS), count))


@pytest.fixture
async def proxy(system: System) -> AsyncIterator[TcpProxy]:
    """Between the scheduler and the broker."""
    async with behind_proxy(system, "scheduler") as made:
        yield made


async def handled(system: System) -> int:
    """How many outcomes of attempts."""
    return sum(row["status"] == "ended" for row in await system.rows("scheduler", "dispatch"))


async def more_handled(system: System, before: int) -> bool:
    return await handled(system) > before


async def test_what_was_committed_before_a_kill_is_published_after_it(
    system: System, api: Api, clean: Outline, proxy: TcpProxy
) -> None:
    chance = seeded()
    scheduler = system.programs["scheduler"]
    run = await begin(system, api)
    await run.reached(1)  # the run may have been accepted before its plan was applied
    tasks = {task["key"]: task["id"] for task in await api.all(f"/runs/{run.id}/tasks")}

    for number, mark in enumerate(marks(chance, KILLS)):
        await run.reached(mark)
        proxy.swallow()
        if number < len(NOTES):
            await run.complete(NOTES[number])  # the API does not need the broker: this commits
        else:
            await api.post(f"/tasks/{tasks['sign']}/{'resume' if number % 2 == 0 else 'pause'}", {})

        await eventually(partial(unsent, system, "scheduler"))
        scheduler.kill()
        if chance.random() < 0.5:
            proxy.cut()  # else what the dead one had handed to the network still arrives
        proxy.heal()
        await start_behind(system, "scheduler", proxy)

    await run.ends_like(clean, notes=())


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
        await start_behind(system, "scheduler", proxy)

    assert await run.ends_like(clean) == 0
    assert recognised(system) - known >= KILLS


async def test_what_was_published_and_not_marked_is_published_again_and_counts_once(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    run = await begin(system, api)
    forgotten = 0

    for mark in sorted(chance.sample(range(2, COMMANDS), 100 if LONG else 3)):
        await run.reached(mark)
        for name in SERVICES:
            rows = [row for row in await system.rows(name, "outbox") if row["sent_at"] is not None]
            some = [row["position"] for row in chance.sample(rows, len(rows) // 5)]
            async with system.database(name) as database, database.begin() as work:
                await work.connection.execute(update(OUTBOX).where(OUTBOX.c.position.in_(some)).values(sent_at=None))
            forgotten += len(some)

    assert forgotten > COMMANDS
    await run.ends_like(clean)


async def test_what_was_performed_and_not_recorded_is_performed_again_and_counts_once(
    system: System, api: Api, clean: Outline
) -> None:
    executor = system.programs["executor"]
    run = await begin(system, api)

    for mark in marks(seeded(), KILLS):
        await at_work(run, mark)
        async with before_inserting(system, "executor", "outbox"):
            executor.kill()
        await executor.start()

    assert await run.ends_like(clean) >= KILLS


async def test_a_plan_that_was_approved_before_a_kill_is_handed_on_after_it(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    task = {"id": "note", "title": "note", "role": "clerk", "minutes": 60}
    small = Inputs("note.md", DOCUMENT, team=TEAM, plan={"tasks": [task]})
    planner = system.programs["planner"]
    plans = []

    async with behind_proxy(system, "planner") as proxy:
        for _ in range(100 if LONG else 2):
            plan = await propose(api, small)
            proxy.swallow()
            await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
            await eventually(partial(unsent, system, "planner"))
            planner.kill()
            if chance.random() < 0.5:
                proxy.cut()
            proxy.heal()
            await start_behind(system, "planner", proxy)
            plans.append(plan["id"])

        async def applied() -> bool:
            mine = [row["status"] for row in await system.rows("planner", "plan") if row["id"] in plans]
            return mine == ["applied"] * len(plans)

        await eventually(applied, LONGEST_S)
    handed_on = [row["plan_id"] for row in await system.rows("scheduler", "task") if row["plan_id"] in plans]
    assert sorted(handed_on) == sorted(plans)
    await (await begin(system, api)).ends_like(clean)
