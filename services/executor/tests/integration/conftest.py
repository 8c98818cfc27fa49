"""Everything here runs on both databases."""

from pathlib import Path

import pytest
from tests.databases import Databases


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "executor", tmp_path)
