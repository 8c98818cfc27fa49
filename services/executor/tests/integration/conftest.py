"""Everything here runs on both databases."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.servers import Postgres


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """One database for all tests here: making and dropping one takes longer than any of them."""
    return asyncio.run(postgres.create())


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/executor.db"
    found: str = request.getfixturevalue("postgres_url")
    asyncio.run(_empty(found))
    return found


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()
