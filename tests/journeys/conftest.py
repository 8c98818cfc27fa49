"""Both runtimes, each started once for all journeys; `system` is the one and then the other."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.journeys.provider import Provider, providing
from tests.otlp_collector import Collector, collector
from tests.servers import Postgres, RabbitMQ, Redis
from tests.system import System, distributed, embedded

from orchestra.cli.api import Api

CANARY = "canary-environment-51c07a"
"""In the environment of whoever performs agents' work, and nowhere else."""


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


@pytest.fixture(scope="package")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with providing(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="package")
def telemetry() -> Iterator[Collector]:
    """Where systems with models send their traces."""
    with collector() as seen:
        yield seen


def _told(provider: Provider, telemetry: Collector) -> dict[str, str]:
    watched = {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    on_loopback = {"ORCHESTRA_TOOL_ALLOWED_NETWORKS": "127.0.0.0/8"}
    return {**provider.environment, **watched, **on_loopback, "SOME_SECRET": CANARY}


@pytest.fixture(scope="package")
def models_on_one_process(
    tmp_path_factory: pytest.TempPathFactory, provider: Provider, telemetry: Collector
) -> Iterator[System]:
    with embedded(tmp_path_factory.mktemp("models"), **_told(provider, telemetry)) as system:
        yield system


@pytest.fixture(scope="package")
def models_on_five_processes(
    tmp_path_factory: pytest.TempPathFactory,
    provider: Provider,
    telemetry: Collector,
    postgres: Postgres,
    rabbitmq: RabbitMQ,
    redis: Redis,
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("distributed-models")
    with distributed(folder, postgres, rabbitmq, redis, **_told(provider, telemetry)) as system:
        yield system


@pytest.fixture(params=["models_on_one_process", "models_on_five_processes"], ids=["embedded", "distributed"])
def with_models(request: pytest.FixtureRequest) -> System:
    """A system that has models to ask: `provider` says what they say."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def api(system: System) -> AsyncIterator[Api]:
    async with system.api() as made:
        yield made
