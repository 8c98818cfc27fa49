"""A consumer that is a hundred times too slow: the broker keeps what waits for it, and nobody else waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from tests.faults.asking import Asking
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.remains import queues_of
from tests.faults.test_poison import changed
from tests.faults.workload import COMMANDS, begin
from tests.system import SERVICES, Program, System, eventually

from orchestra.chassis.database.tables import INBOX
from orchestra.cli.api import Api

EVENTS = 50_000 if LONG else 1500
AT_ONCE = 250
SLOW = "notifier"
QUEUE = f"{SLOW}.run.changed.v1.q1"
HELD_S = 0.5
"""How long a delivery takes instead of some milliseconds."""

MIB = 1024 * 1024


@pytest.fixture
def system(apart: System) -> System:
    return apart


@asynccontextmanager
async def slowed(system: System, name: str) -> AsyncIterator[None]:
    """Somebody locks the service's inbox nearly all the time: between two locks there is room for one delivery."""

    async def hold() -> None:
        async with system.database(name) as database:
            while True:
                async with database.begin() as work:
                    await work.connection.execute(text(f"LOCK TABLE {INBOX.name} IN ACCESS EXCLUSIVE MODE"))
                    await asyncio.sleep(HELD_S)

    holding = asyncio.create_task(hold())
    try:
        yield
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


def resident(program: Program) -> int:
    """Bytes of memory."""
    assert program._process is not None
    fields = Path(f"/proc/{program._process.pid}/status").read_text().split("VmRSS:")[1]
    return int(fields.split()[0]) * 1024


async def heard(system: System, name: str) -> int:
    async with system.database(name) as database, database.read() as view:
        return (await view.connection.execute(select(func.count()).select_from(INBOX))).scalar_one()


async def test_a_slow_consumer_is_waited_for_by_nobody_and_catches_up(system: System, api: Api) -> None:
    chance = seeded()
    workspace_id = (await api.get("/me"))["workspace"]["id"]
    run = await begin(system, api)
    before = {name: resident(program) for name, program in system.programs.items()}
    known = {name: await heard(system, name) for name in (SLOW, "executor")}
    longest = 0

    async with Asking(system, run) as asking:
        async with slowed(system, SLOW), system.database("scheduler") as database:
            for _ in range(EVENTS // AT_ONCE):
                async with database.begin() as work:
                    work.publish(*(changed(workspace_id) for _ in range(AT_ONCE)))
                await asyncio.sleep(chance.uniform(0, 0.05))

            async def others_have() -> bool:
                nonlocal longest
                longest = max(longest, (await queues_of(system))[QUEUE].messages)
                return await heard(system, "executor") - known["executor"] >= EVENTS

            await eventually(others_have, LONGEST_S)
            await asking.answered()
            assert longest > EVENTS // 4

        async def caught_up() -> bool:
            return await heard(system, SLOW) - known[SLOW] >= EVENTS

        await eventually(caught_up, LONGEST_S)

    assert asking.wrong(away=False) == []
    grown = {name: (resident(system.programs[name]) - before[name]) / MIB for name in SERVICES}
    print(f"at most {longest} waited; MiB more: { ({name: round(more) for name, more in grown.items()}) }")
    assert max(grown.values()) < 100
    await run.reached(COMMANDS)
