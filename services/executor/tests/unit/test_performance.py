"""What stops an attempt that is performed, and when its start is told."""

import asyncio
from collections.abc import Callable

import pytest
from services.executor.tests.dispatches import held, python

from orchestra.executor.application import performance
from orchestra.executor.application.performance import NOT_RENEWED, Performance
from orchestra.executor.domain.attempt import Failed, HeldAttempt

CANCELLED = Failed("cancelled", "Nobody wants it.")


def begun(lease: float, tell: Callable[[HeldAttempt], None] = lambda _: None) -> Performance[HeldAttempt]:
    return Performance(held(python("")), asyncio.get_running_loop().time() + lease, tell)


async def test_a_lease_that_nobody_renews_stops_it() -> None:
    assert await begun(0.01).stopped == NOT_RENEWED


async def test_a_renewed_lease_lasts_longer() -> None:
    running, loop = begun(0.05), asyncio.get_running_loop()
    until = loop.time() + 0.2
    running.extend(until)

    await running.stopped

    assert loop.time() >= until - 0.01


async def test_the_first_reason_to_stop_counts() -> None:
    running = begun(0.01)
    running.stop(CANCELLED)
    running.stop(NOT_RENEWED)

    assert await running.stopped == CANCELLED
    running.close()


async def test_a_start_is_told_when_it_has_run_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "NOTEWORTHY", 0.01)
    told: asyncio.Queue[HeldAttempt] = asyncio.Queue()
    running = begun(10, told.put_nowait)
    running.on_started(1)

    assert await told.get() == running.held
    running.close()


async def test_the_start_of_what_ends_soon_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "NOTEWORTHY", 0.01)
    told: list[HeldAttempt] = []
    quick, slow = begun(10, told.append), begun(10, told.append)
    quick.on_started(1)
    quick.close()
    slow.on_started(2)

    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0.005)

    assert told == [slow.held]
    slow.close()
