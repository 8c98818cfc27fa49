"""The gateway on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.gateway.tests.harness import Gateway, gateway_running, settings_for


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    return await request.getfixturevalue("postgres").create()


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    async with gateway_running(settings_for(database_url)) as running:
        yield running
