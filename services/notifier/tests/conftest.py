"""The notifier on each database, and receivers to send to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.notifier.tests.harness import Notifier, notifying
from services.notifier.tests.receiver import Receiver, receiving
from tests.databases import Databases


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "notifier", tmp_path)


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
