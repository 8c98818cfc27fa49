"""kill -9 of whoever does the work, again and again in the middle of it: the end is that of a clean run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.checker import Outline
from tests.faults.workload import COMMANDS, LONG, SLOTS, Run, begin, seeded
from tests.system import System, embedded, eventually

from orchestra.cli.api import Api

KILLS = 20 if LONG else 3
"""Of each victim."""


async def at_work(run: Run, mark: int) -> None:
    """So many commands are done, and others are on their way."""
    await run.reached(mark)
    await eventually(run.performing)


@pytest.mark.timeout(1800 if LONG else 800)
async def test_a_run_survives_kills_of_the_scheduler_and_of_the_executor(
    system: System, api: Api, clean: Outline
) -> None:
    chance = seeded()
    victims = ["scheduler", "executor"] * KILLS
    chance.shuffle(victims)
    marks = sorted(chance.sample(range(2, COMMANDS - 2 * SLOTS), len(victims)))
    run = await begin(system, api)

    for victim, mark in zip(victims, marks, strict=True):
        await at_work(run, mark)
        system.programs[victim].kill()
        await system.programs[victim].start()

    assert await run.ends_like(clean) >= 1


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[System]:
    with embedded(tmp_path, ORCHESTRA_SLOTS=str(SLOTS)) as system:
        yield system


@pytest.mark.timeout(1800 if LONG else 800)
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
