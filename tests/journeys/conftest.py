"""Both runtimes, each started once for all journeys; `system` is the one and then the other."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.servers import Postgres, RabbitMQ, Redis
from tests.system import System, distributed, embedded

from orchestra.cli.api import Api


@pytest.fixture(scope="package")
def on_one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with embedded(tmp_path_factory.mktemp("embedded")) as system:
        yield system


@pytest.fixture(scope="package")
def on_five_processes(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMQ, redis: Redis
) -> Iterator[System]:
    with distributed(tmp_path_factory.mktemp("distributed"), postgres, rabbitmq, redis) as system:
        yield system


@pytest.fixture(params=["on_one_process", "on_five_processes"], ids=["embedded", "distributed"])
def system(request: pytest.FixtureRequest) -> System:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def api(system: System) -> AsyncIterator[Api]:
    async with system.api() as made:
        yield made
