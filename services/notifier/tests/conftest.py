"""The notifier on each database, and receivers to send to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.notifier.tests.harness import Notifier, notifying
from services.notifier.tests.receiver import Receiver, receiving
from tests.servers import Postgres

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.notifier.adapters.tables import metadata


@pytest.fixture(scope="session")
def kept() -> dict[str, str]:
    """The one database for all tests on PostgreSQL: making one takes longer than most of them."""
    return {}


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path, kept: dict[str, str]) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/notifier.db"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = kept["url"] = kept.get("url") or await postgres.create()
    database = Database(url, "notifier", UnitOfWork, pool_size=1)
    await migrate(database, "orchestra.notifier.migrations")
    async with database.begin() as work:
        for table in reversed(metadata.sorted_tables):
            await work.connection.execute(table.delete())
    await database.close()
    yield url


@pytest.fixture
async def notifier(database_url: str) -> AsyncIterator[Notifier]:
    async with notifying(database_url) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as server:
        yield server


@pytest.fixture
async def other_receiver() -> AsyncIterator[Receiver]:
    async with receiving() as server:
        yield server
