"""The scheduler is killed while it forks a run: there is the whole of the fork or nothing of it, and never two."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from tests.faults.checker import Outline
from tests.faults.forms import LONG, seeded
from tests.faults.points import before_inserting, behind_proxy, start_behind, unsent
from tests.faults.test_lost_answers import repeated
from tests.faults.workload import DEPTH, WIDTH, Run
from tests.system import System, eventually

from orchestra.cli.api import Api

KILLS = 7 if LONG else 1
"""At each point."""

FROM = {"from": [f"c{DEPTH - 1}-0", f"c{DEPTH - 1}-{WIDTH // 2}"]}
"""Of the last row, those that people wait for: two commands are done once more, all others are adopted."""


async def forks(system: System) -> list[str]:
    return [run["id"] for run in await system.rows("scheduler", "run") if run["forked_from"]]


async def projects(system: System) -> set[str]:
    """By id: what else is in their rows may change meanwhile, by a recalculation for one."""
    return {row["id"] for row in await system.rows("scheduler", "project")}


async def cut_off(system: System, path: str, key: str) -> Mapping[str, Any]:
    """The scheduler is killed when all rows of the fork are written and none is committed; then it is asked again."""
    known = await projects(system)
    headers = {"Idempotency-Key": key}
    async with system.client() as client:
        lost = asyncio.create_task(client.post(path, json=FROM, headers=headers))
        async with before_inserting(system, "scheduler", "task_log"):
            system.programs["scheduler"].kill()
        answer = await lost
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True), answer.text
        assert await projects(system) == known
        await system.programs["scheduler"].start()
        again = await client.post(path, json=FROM, headers=headers)
    assert again.is_success, again.text
    assert "idempotent-replayed" not in again.headers
    return again.json()


async def untold(system: System, path: str, key: str, *, cut: bool) -> Mapping[str, Any]:
    """The scheduler is killed when the fork is committed and the planner cannot have heard of it."""
    async with behind_proxy(system, "scheduler") as proxy, system.client() as client:
        proxy.swallow()
        asked = asyncio.create_task(client.post(path, json=FROM, headers={"Idempotency-Key": key}))
        await eventually(lambda: unsent(system, "scheduler"))
        system.programs["scheduler"].kill()
        if cut:
            proxy.cut()  # else what the dead one had handed to the network still arrives
        proxy.heal()
        await start_behind(system, "scheduler", proxy)
        answer: httpx.Response = await asked
        if not answer.is_success:  # it was killed before it had answered
            answer = await client.post(path, json=FROM, headers={"Idempotency-Key": key})
    assert answer.is_success, answer.text
    return answer.json()


async def test_a_kill_in_a_fork_leaves_all_of_it_or_nothing(system: System, api: Api, clean: Outline) -> None:
    chance = seeded()
    first = system.remembered["record"].run["id"]
    path = f"/runs/{first}/fork"
    before = [row for row in await system.rows("scheduler", "task") if row["run_id"] == first]
    known = await forks(system)

    made: list[Mapping[str, Any]] = []
    for number in range(KILLS):
        made.append(await cut_off(system, f"/api/v1{path}", f"cut-off-{number}"))
        made.append(await repeated(system, "scheduler", path, FROM, f"unanswered-{number}"))
        made.append(await untold(system, f"/api/v1{path}", f"untold-{number}", cut=chance.random() < 0.5))

    for run in made:
        assert await Run(system, api, run).ends_like(clean, notes=()) == 0
    assert sorted(await forks(system)) == sorted([*known, *(run["id"] for run in made)])
    assert [row for row in await system.rows("scheduler", "task") if row["run_id"] == first] == before
