"""Whatever asks for `bench` runs at both levels."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import Bench, groups, require

from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.domain.policy import DEFAULT_TOOLS, Level, Policy


@pytest.fixture(scope="session", params=[Level.L2, Level.L3], ids=lambda level: level.name)
def sandbox(request: pytest.FixtureRequest) -> Iterator[CagedSandbox]:
    require(request.param)
    found = CagedSandbox(request.param, Policy(tools=DEFAULT_TOOLS | {"sh", "prlimit", "id"}), groups=groups())
    yield found
    asyncio.run(found.close())


@pytest.fixture
def bench(sandbox: CagedSandbox, tmp_path: Path) -> Bench:
    return Bench(sandbox, tmp_path)


@pytest.fixture
def marker() -> str:
    """A number of seconds to sleep that nobody else sleeps: it finds processes among all of the machine."""
    return f"{secrets.randbelow(10**9) + 10**6}.{secrets.randbelow(10**9)}"
