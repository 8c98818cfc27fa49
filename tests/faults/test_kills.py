"""kill -9 of every service, again and again in the middle of a run: its end is that of a clean one."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from tests.faults.asking import Asking
from tests.faults.checker import Outline
from tests.faults.doctor import is_well
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.workload import COMMANDS, SLOTS, Run, begin
from tests.system import System, embedded, eventually

from orchestra.cli.api import Api

KILLS = 20 if LONG else 2
"""Of each who does the work."""
WITNESSES = ("gateway", "planner", "notifier")
WITNESS_KILLS = 20 if LONG else 1
"""Of each of the others."""


async def at_work(run: Run, mark: int) -> None:
    """So many commands are done, and others are on their way."""
    await run.reached(mark)
    await eventually(run.performing, LONGEST_S, seldom=False)


async def test_a_run_survives_kills_of_every_service(system: System, api: Api, clean: Outline) -> None:
    chance = seeded()
    victims = ["scheduler", "executor"] * KILLS
    witnesses = WITNESSES * WITNESS_KILLS
    chance.shuffle(victims)
    marks = sorted(chance.sample(range(2, COMMANDS - 2 * SLOTS), len(victims)))
    run = await begin(system, api)
    waits: list[float] = []

    async with Asking(system, run) as asking:
        for number, mark in enumerate(marks):
            # A witness dies with a worker: alone it would not be missed, and the run would end before it is back.
            dead = [system.programs[name] for name in (victims[number], *witnesses[number :: len(victims)])]
            await at_work(run, mark)
            done, killed = await run.done(), time.monotonic()
            for program in dead:
                program.kill()
            await asyncio.gather(*(program.start() for program in dead))
            await run.reached(done + 1)
            waits.append(time.monotonic() - killed)

    print(f"after a kill the next command was done within {median(waits):.1f} s, at most {max(waits):.1f} s")
    assert asking.wrong(away=True, gone=True) == []
    assert await run.ends_like(clean) >= 1
    await asking.every_key_had_one_effect()
    await is_well(system)


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[System]:
    with embedded(tmp_path, ORCHESTRA_SLOTS=str(SLOTS)) as system:
        yield system


async def test_a_run_in_one_process_survives_kills_of_it(one_process: System, clean: Outline) -> None:
    chance = seeded()
    marks = sorted(chance.sample(range(2, COMMANDS - 2 * SLOTS), KILLS))
    async with one_process.api() as api:
        run = await begin(one_process, api)

        for mark in marks:
            await at_work(run, mark)
            one_process.programs["up"].kill()
            await one_process.programs["up"].start()

        assert await run.ends_like(clean) >= 1
    await is_well(one_process)
