"""Several of each service at once: they share the work, and whoever is killed for good is not missed."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.faults.checker import Outline
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.workload import COMMANDS, SLOTS, Run, begin
from tests.system import SERVICES, Program, System, eventually
from tests.taker import taker

from orchestra.cli.api import Api

WORKERS = ("scheduler", "executor")
RUNS = 5 if LONG else 1
"""At a time, each project with its own."""


LEASE_S = "5"
"""Shorter than usual: what a dead one held is waited for."""


class Replicas:
    """Of every worker: those that are up, the one of the system among them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.up: dict[str, list[Program]] = {name: [system.programs[name]] for name in WORKERS}

    async def add(self, *names: str) -> None:
        made = [
            (name, self._system.programs[name].another(str(number), ORCHESTRA_LEASE_SECONDS=LEASE_S))
            for number, name in enumerate(names, start=2)
        ]
        await asyncio.gather(*(program.start() for _, program in made))
        for name, program in made:
            self.up[name].append(program)

    def kill_one(self, chance: random.Random, name: str) -> None:
        """Whichever; it does not come back."""
        victim = self.up[name].pop(chance.randrange(len(self.up[name])))
        victim.kill()

    async def restore(self) -> None:
        """One of each again: those that the system knows, which clear away what killed ones have left."""
        for name, programs in self.up.items():
            mine = self._system.programs[name]
            for program in programs:
                program.terminate()
            for program in programs:
                await asyncio.to_thread(program.ended)
            await mine.start()
        self.up = {}


@pytest.fixture
async def replicas(system: System) -> AsyncIterator[Replicas]:
    made = Replicas(system)
    yield made
    await made.restore()


async def shared(runs: Sequence[Run]) -> int:
    """How many executors have performed something."""
    attempts = await runs[0].system.rows("executor", "attempt")
    mine = {run.id for run in runs}
    return len({row["lease_owner"] for row in attempts if row["run_id"] in mine} - {None})


async def test_three_of_each_worker_do_every_task_once_then_two_of_them_then_one(
    system: System, api: Api, clean: Outline, replicas: Replicas
) -> None:
    chance = seeded()
    await replicas.add(*WORKERS, *WORKERS)
    runs = await asyncio.gather(*(begin(system, api) for _ in range(RUNS)))

    for mark in sorted(chance.sample(range(4, COMMANDS - 2 * SLOTS), 2)):
        await asyncio.gather(*(run.reached(mark) for run in runs))
        for name in WORKERS:
            replicas.kill_one(chance, name)
    assert await shared(runs) >= 2
    await asyncio.gather(*(run.reached(COMMANDS) for run in runs))

    await replicas.restore()
    for run in runs:
        await run.ends_like(clean)


@pytest.fixture
async def second(system: System) -> AsyncIterator[System]:
    """Another five processes on the same databases, queues and Redis, behind a gateway of their own."""
    services = [name for name in SERVICES if name != "gateway"]
    made = {name: system.programs[name].another("second", ORCHESTRA_LEASE_SECONDS=LEASE_S) for name in services}
    addresses = {f"ORCHESTRA_{name.upper()}_URL": program.url for name, program in made.items()}
    made["gateway"] = system.programs["gateway"].another("second", **addresses)
    await asyncio.gather(*(program.start() for program in made.values()))
    yield replace(system, url=made["gateway"].url, programs=made)
    for program in made.values():
        program.terminate()
    for program in made.values():
        await asyncio.to_thread(program.ended)


async def test_two_of_every_service_are_one_system_behind_two_gateways(
    system: System, api: Api, clean: Outline, second: System
) -> None:
    with taker() as address:
        hook = await api.post("/webhooks", {"url": address, "kinds": ["run.finished"]})
        async with second.api() as other:
            runs = [*await asyncio.gather(begin(system, api), begin(second, other))]
            await asyncio.gather(*(run.reached(COMMANDS) for run in runs))
            assert await shared(runs) == 2
            for run, gateway in zip(runs, (other, api), strict=True):
                assert (await gateway.get(f"/runs/{run.id}"))["id"] == run.id
                run.api = gateway  # people say what they did to the one that did not begin it
                assert await run.ends_like(clean) == 0

            async def told() -> bool:
                entries = await other.all("/feed", after=0)
                ends = [e["run_id"] for e in entries if e["kind"] == "run.changed.v1" and _ended(e["data"])]
                return sorted(each for each in ends if each in {run.id for run in runs}) == sorted(r.id for r in runs)

            await eventually(told, LONGEST_S)

            async def delivered() -> bool:
                found = await other.all(f"/webhooks/{hook['id']}/deliveries")
                return sorted(each["status"] for each in found) == ["delivered", "delivered"]

            await eventually(delivered, LONGEST_S)
        await api.delete(f"/webhooks/{hook['id']}")


def _ended(change: Mapping[str, Any]) -> bool:
    return change["status"] == "finished"
