"""Both runtimes, watched by a collector of the tests' own; each is started once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.otlp_collector import Collector, collector
from tests.servers import Postgres, RabbitMQ, Redis
from tests.system import System, distributed, embedded


@dataclass(frozen=True)
class Watched:
    system: System
    collector: Collector


def _environment(seen: Collector) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": seen.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "ORCHESTRA_LEASE_SECONDS": "3600",  # so that nobody takes over the lease that a test lets run out
    }


@pytest.fixture(scope="package")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with collector() as seen, embedded(tmp_path_factory.mktemp("embedded"), **_environment(seen)) as system:
        yield Watched(system, seen)


@pytest.fixture(scope="package")
def five_processes(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMQ, redis: Redis
) -> Iterator[Watched]:
    home = tmp_path_factory.mktemp("distributed")
    with collector() as seen, distributed(home, postgres, rabbitmq, redis, **_environment(seen)) as system:
        yield Watched(system, seen)


@pytest.fixture(params=["one_process", "five_processes"], ids=["embedded", "distributed"])
def watched(request: pytest.FixtureRequest) -> Watched:
    return request.getfixturevalue(request.param)
