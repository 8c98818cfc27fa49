"""Everything here runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.planner.tests.integration.harness import Planner, emptied


@pytest.fixture(scope="session")
def shared() -> list[str]:
    """The URL of the one PostgreSQL database of this run, once it is made: making and dropping them is slow."""
    return []


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path, shared: list[str]) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/planner.db"
    if not shared:
        shared.append(await request.getfixturevalue("postgres").create())
    await emptied(shared[0])
    return shared[0]


@pytest.fixture
async def planner(url: str) -> AsyncIterator[Planner]:
    async with Planner(url).at_work() as running:
        yield running
