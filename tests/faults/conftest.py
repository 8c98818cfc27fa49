"""One distributed system for all faults, on servers of its own, and what a run without any came to on it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.checker import Outline, outline, settled, violations
from tests.faults.forms import LIMIT_S
from tests.faults.workload import NOTES, SLOTS, begin
from tests.private_servers import (
    PrivatePostgres,
    PrivateRabbitMQ,
    PrivateRedis,
    private_postgres,
    private_rabbitmq,
    private_redis,
)
from tests.system import System, distributed

from orchestra.cli.api import Api


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@dataclass(frozen=True)
class Servers:
    postgres: PrivatePostgres
    rabbitmq: PrivateRabbitMQ
    redis: PrivateRedis


@pytest.fixture(scope="package")
def servers() -> Iterator[Servers]:
    """Nobody else's: whoever breaks one mends it before the test ends."""
    with private_postgres() as postgres, private_rabbitmq() as rabbitmq, private_redis() as redis:
        yield Servers(postgres, rabbitmq, redis)


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[System]:
    home = tmp_path_factory.mktemp("faults")
    with distributed(home, servers.postgres, servers.rabbitmq, servers.redis, ORCHESTRA_SLOTS=str(SLOTS)) as made:
        yield made


@pytest.fixture(scope="package")
def apart(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[System]:
    """Another one, for what fills its tables with so much that the judge would read them for ever."""
    with distributed(tmp_path_factory.mktemp("apart"), servers.postgres, servers.rabbitmq, servers.redis) as made:
        yield made


@pytest.fixture
async def api(system: System) -> AsyncIterator[Api]:
    for program in system.programs.values():
        await program.revive()
    async with system.api() as made:
        yield made


@pytest.fixture
async def clean(system: System, api: Api) -> Outline:
    """Of the run that nothing happened to, when its commands were done; its end is checked like every other's."""
    if "clean" not in system.remembered:
        run = await begin(system, api)
        for note in NOTES:
            await run.complete(note)
        await run.people_are_waited_for()
        found = await outline(system, run.id)
        await run.finish()
        record = await settled(system, run.id)
        assert violations(record) == []
        system.remembered |= {"clean": found, "record": record}
    return system.remembered["clean"]
