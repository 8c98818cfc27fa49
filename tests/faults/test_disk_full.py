"""A disk without room for databases, artifacts or workspaces: told as such, and mended by room alone.

That of the broker raises an alarm: see test_servers_away.py.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from tests.faults.asking import Asking
from tests.faults.checker import Outline
from tests.faults.conftest import Servers
from tests.faults.forms import LONGEST_S, seeded
from tests.faults.test_kills import at_work
from tests.faults.test_servers_away import all_ready
from tests.faults.workload import COMMANDS, SLOTS, begin
from tests.journeys.jobs import commands, python, start, stopped
from tests.private_servers import PrivatePostgres, private_postgres
from tests.small_disk import filled, small_disk
from tests.system import System, distributed, embedded, eventually


async def until_told(asking: Asking) -> None:
    """Somebody was answered that there is no room now, and others after that."""

    async def told() -> bool:
        return any(answer.come_again for answer in asking.answers)

    await eventually(told, LONGEST_S)
    await asking.answered()


@dataclass(frozen=True)
class Cramped:
    """A system with a small disk for its databases and another one for artifacts and workspaces."""

    system: System
    postgres: PrivatePostgres
    of_databases: Path
    of_files: Path


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Cramped]:
    home = tmp_path_factory.mktemp("cramped")
    with small_disk(mebibytes=256) as first, small_disk() as second, private_postgres(first) as postgres:
        folders = {f"ORCHESTRA_{name.upper()}_DIR": str(second / name) for name in ("artifacts", "workspaces")}
        with distributed(
            home, postgres, servers.rabbitmq, servers.redis, ORCHESTRA_SLOTS=str(SLOTS), **folders
        ) as system:
            yield Cramped(system, postgres, first, second)


async def test_databases_without_room_answer_503_and_lose_nothing(cramped: Cramped, clean: Outline) -> None:
    system = cramped.system
    async with system.api() as api:
        run = await begin(system, api)
        async with Asking(system, run) as asking:
            await at_work(run, seeded().randrange(2, COMMANDS // 2))
            with filled(cramped.of_databases):
                await until_told(asking)
            await asyncio.to_thread(cramped.postgres.start)  # should it have given up altogether
            await all_ready(system)

        assert asking.wrong(away=True) == []
        await run.ends_like(clean)
        await asking.every_key_had_one_effect()


@pytest.fixture
def one_process() -> Iterator[tuple[System, Path]]:
    with small_disk() as disk, embedded(disk / "home", ORCHESTRA_SLOTS=str(SLOTS)) as system:
        yield system, disk


async def test_one_process_without_room_answers_503_and_goes_on_when_there_is_some(
    one_process: tuple[System, Path], clean: Outline
) -> None:
    system, disk = one_process
    async with system.api() as api:
        run = await begin(system, api)
        await run.reached(COMMANDS)  # a command that finds no room has failed, and that is its own affair
        async with Asking(system, run) as asking:
            with filled(disk):
                await until_told(asking)
            await all_ready(system)

        assert asking.wrong(away=True) == []
        await run.ends_like(clean)
        await asking.every_key_had_one_effect()


async def test_an_executor_without_room_says_so_and_a_retry_finds_room(cramped: Cramped) -> None:
    system = cramped.system
    content = seeded().randbytes(1 << 20)
    path = f"/api/v1/artifacts/{sha256(content).hexdigest()}"
    async with system.api() as api, system.client() as client:
        with filled(cramped.of_files):
            refused = await client.put(path, content=content)
            assert (refused.status_code, refused.json()["code"]) == (507, "no-room")
            run = await stopped(api, (await start(api, commands(python("prints", "print('done')"))))["id"])
            assert run["status"] == "failed"
            [attempt] = await api.all("/attempts", run_id=run["id"])
            assert attempt["failure"] == "transient"
            assert "No space left" in attempt["reason"]

        assert (await client.put(path, content=content)).status_code == 201
        await api.post(f"/runs/{run['id']}/retry", {})
        assert (await stopped(api, run["id"]))["status"] == "finished"
