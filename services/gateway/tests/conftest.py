"""The gateway on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.gateway.tests.harness import Gateway, gateway_running, settings_for
from tests.databases import Databases


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "gateway", tmp_path)


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    async with gateway_running(settings_for(database_url)) as running:
        yield running
