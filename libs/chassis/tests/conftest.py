"""The example's database on both dialects, with time held."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from libs.chassis.tests.example.running import Example, running_example
from libs.chassis.tests.example.work import ExampleWork
from tests.databases import Databases

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.telemetry.tracing import start_tracing
from orchestra.chassis.testing.fakes import HeldClock

MIGRATIONS = "libs.chassis.tests.example.migrations"

start_tracing()


@pytest.fixture
async def postgres_url(databases: Databases, tmp_path: Path) -> str:
    return await databases.empty("postgres", "example", tmp_path, MIGRATIONS)


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "example", tmp_path, MIGRATIONS)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def database(database_url: str, clock: HeldClock) -> AsyncIterator[Database[ExampleWork]]:
    database = Database(database_url, "example", ExampleWork, clock=clock, pool_size=4)
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
