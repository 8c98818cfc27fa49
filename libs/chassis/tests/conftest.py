"""The example's database on both dialects, with time held."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from libs.chassis.tests.example.running import Example, running_example
from libs.chassis.tests.example.tables import metadata
from libs.chassis.tests.example.work import ExampleWork
from tests.servers import Postgres

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.telemetry.tracing import start_tracing
from orchestra.chassis.testing.fakes import HeldClock

MIGRATIONS = "libs.chassis.tests.example.migrations"

start_tracing()


@pytest.fixture(scope="session")
def kept() -> dict[str, str]:
    """The one database for all tests on PostgreSQL: making one takes longer than most of them."""
    return {}


@pytest.fixture
async def postgres_url(request: pytest.FixtureRequest, kept: dict[str, str]) -> str:
    """Migrated and empty."""
    postgres: Postgres = request.getfixturevalue("postgres")
    url = kept["url"] = kept.get("url") or await postgres.create()
    database = Database(url, "example", ExampleWork, pool_size=1)
    await migrate(database, MIGRATIONS)
    async with database.begin() as work:
        for table in reversed(metadata.sorted_tables):
            await work.connection.execute(table.delete())
    await database.close()
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/example.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def database(database_url: str, clock: HeldClock) -> AsyncIterator[Database[ExampleWork]]:
    database = Database(database_url, "example", ExampleWork, clock=clock, pool_size=4)
    await migrate(database, MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
async def example(database_url: str) -> AsyncIterator[Example]:
    async with running_example(database_url) as running:
        yield running


@pytest.fixture
async def http(example: Example) -> AsyncIterator[httpx.AsyncClient]:
    async with example.client("wsp_1", "operator") as client:
        yield client
