"""One distributed system for all faults, and what a run without any came to on it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.faults.checker import Outline, outline, settled, violations
from tests.faults.workload import NOTES, SLOTS, begin
from tests.servers import Postgres, RabbitMQ, Redis
from tests.system import System, distributed

from orchestra.cli.api import Api


@pytest.fixture(scope="package")
def system(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMQ, redis: Redis
) -> Iterator[System]:
    home = tmp_path_factory.mktemp("faults")
    with distributed(home, postgres, rabbitmq, redis, ORCHESTRA_SLOTS=str(SLOTS)) as made:
        yield made


@pytest.fixture
async def api(system: System) -> AsyncIterator[Api]:
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
        system.remembered["clean"] = await outline(system, run.id)
        await run.finish()
        system.remembered["record"] = await settled(system, run.id)
        assert violations(system.remembered["record"]) == []
    return system.remembered["clean"]
