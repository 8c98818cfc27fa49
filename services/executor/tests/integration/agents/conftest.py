"""A registry on each database, and a provider that says what is scripted."""

from collections.abc import AsyncIterator

import pytest
from services.executor.tests.integration.agents.bench import Bench
from services.executor.tests.integration.agents.theatre import KEY
from tests.standins import ModelStandIn


@pytest.fixture
async def bench(url: str) -> AsyncIterator[Bench]:
    bench = Bench(url)
    yield bench
    await bench.database.close()


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelStandIn]:
    monkeypatch.setenv("STANDIN_KEY", KEY)
    async with ModelStandIn() as standin:
        yield standin
