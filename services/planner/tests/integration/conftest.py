"""Everything here runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.planner.tests.integration.harness import Planner
from tests.databases import Databases


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "planner", tmp_path)


@pytest.fixture
async def planner(url: str) -> AsyncIterator[Planner]:
    async with Planner(url).at_work() as running:
        yield running
