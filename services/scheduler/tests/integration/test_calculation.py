"""Schedules of large projects come from a process of their own, and are the same as those that are calculated here."""

import asyncio
import json
import os
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select, text
from tests.databases import Databases

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.contracts.planning import Dependency, TasksDecomposed, Wait
from orchestra.scheduler.adapters.calculating import Away, answer
from orchestra.scheduler.adapters.calculation import CalculationFailed, Calculations
from orchestra.scheduler.adapters.tables import PROJECT
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_team
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.project_ports import Calculated
from orchestra.scheduler.application.recalculate import calculated, recalculate, recalculate_stale
from orchestra.scheduler.domain.people.member import Member

from .conftest import HASH, chain, command_task, people_task

KEY = ("wsp_1", "prj_large")


NOW = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)


class Watch:
    """Each look at the clock is at the same instant, here and there."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture(params=["sqlite", "postgres"])
async def database(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path
) -> AsyncIterator[Database[SqlSchedulingWork]]:
    """With a project whose schedule is stale, and nobody at work on it."""
    url = await databases.empty(request.param, "scheduler", tmp_path)
    made = Database(url, "scheduler", SqlSchedulingWork, clock=Watch(), pool_size=3)
    await _fill(made)
    yield made
    await made.close()


async def _fill(database: Database[SqlSchedulingWork]) -> None:
    tasks = [command_task(f"c{n}") for n in range(30)] + [people_task(f"p{n}", "editor") for n in range(10)]
    tasks[5] = tasks[5].model_copy(update={"command": None, "wait": Wait(minutes=90), "role": None, "minutes": None})
    after = chain(*tasks[:20]) + tuple((tasks[n].id, tasks[n + 10].id) for n in range(20, 30))
    plan = TasksDecomposed(
        workspace_id=KEY[0],
        project_id=KEY[1],
        plan_id=new_id("pln"),
        version=1,
        hash=HASH,
        tasks=tuple(tasks),
        dependencies=tuple(Dependency(predecessor=p, successor=s) for p, s in after),
    )
    async with database.begin() as work:
        ana = Member(new_id("mem"), "ana", "Ana", roles=frozenset({"editor"}))
        await change_team.add_member(work, *KEY, ana)
        roles, tools = frozenset({"automation"}), frozenset({"true"})
        await change_team.add_member(work, *KEY, Member(new_id("mem"), "a", "A", "agent", roles=roles, tools=tools))
        await apply_plan(work, plan)


@asynccontextmanager
async def calculations(database: Database[SqlSchedulingWork], idle: float = 60) -> AsyncIterator[Calculations]:
    made = Calculations(database, large=0, idle=idle)
    yield made
    await made.close()


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process(os.getpid()).children() if _calculates(each)]


def _calculates(process: psutil.Process) -> bool:
    try:
        return "orchestra.scheduler.adapters.calculating" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


async def test_what_another_process_calculates_is_what_is_calculated_here(
    database: Database[SqlSchedulingWork],
) -> None:
    async with calculations(database) as elsewhere:
        for _ in range(2):
            here = await calculated(database.read, KEY)
            assert here is not None
            assert here.changed
            assert len(here.planned) == 40
            assert await elsewhere(KEY) == here
        assert len(children()) == 1
        assert await elsewhere(("wsp_1", "prj_other")) is None

        await recalculate_stale(database.read, database.begin, elsewhere)

        async with database.read() as view:
            published = await view.schedules.latest(KEY[1])
        assert published is not None
        assert (published.version, published.input_hash) == (1, here.input_hash)
        assert await elsewhere(KEY) is None  # it is current
    assert children() == []


async def test_only_the_calculation_itself_has_a_project_rest(database: Database[SqlSchedulingWork]) -> None:
    """Not what it waited for: a database that was away must not keep schedules old for ten times as long."""

    async def slowly(key: tuple[str, str]) -> Calculated | None:
        await asyncio.sleep(1.5)
        return await calculated(database.read, key)

    await recalculate(database.begin, KEY, slowly)

    async with database.read() as view:
        rests_until = (await view.connection.execute(select(PROJECT.c.rests_until))).scalar_one()
    assert NOW < rests_until < NOW + timedelta(seconds=10)


async def test_the_process_ends_with_its_input_and_is_started_again_when_it_was_killed(
    database: Database[SqlSchedulingWork],
) -> None:
    async with calculations(database) as elsewhere:
        first = await elsewhere(KEY)
        [child] = children()
        child.kill()
        with suppress(CalculationFailed):  # unless its end was noticed before
            await elsewhere(KEY)
        assert await elsewhere(KEY) == first
        assert children() != [child]
    async with calculations(database, idle=0) as elsewhere:
        await elsewhere(KEY)
        async with asyncio.timeout(60):
            while children():
                await asyncio.sleep(0.02)
        assert await elsewhere(KEY) == first
    command = [sys.executable, "-m", "orchestra.scheduler.adapters.calculating"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=True).returncode == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere", Away),
        ("sqlite+aiosqlite:///{}/empty.db", "no such table"),
    ],
)
async def test_a_database_that_is_away_and_a_bug_are_told_apart(tmp_path: Path, url: str, said: type | str) -> None:
    request = {"url": url.format(tmp_path), "workspace": "w", "project": "p", "now": NOW.isoformat()}
    met = await answer(json.dumps(request))
    assert isinstance(met, said) if isinstance(said, type) else said in str(met)


async def test_sqlite_keeps_schedules_compressed_and_reads_those_that_were_written_before_it_did(
    database: Database[SqlSchedulingWork],
) -> None:
    await recalculate(database.begin, KEY, partial(calculated, database.read))
    async with database.read() as view:
        published = await view.schedules.latest(KEY[1])
        [stored] = (await view.connection.execute(text("SELECT content FROM schedule"))).scalars()
    assert published is not None
    assert len(published.schedule.placements) == 40
    if not database.dialect.single_writer:
        return  # the server compresses by itself

    assert isinstance(stored, bytes)
    plain = zlib.decompress(stored)
    assert len(stored) < len(plain) / 4
    async with database.begin() as work:
        await work.connection.execute(text("UPDATE schedule SET content = :content"), {"content": plain.decode()})
    async with database.read() as view:
        assert await view.schedules.latest(KEY[1]) == published
