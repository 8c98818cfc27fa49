"""What must be done is done although whoever waits for it is cancelled, once or again and again."""

import asyncio

import anyio
import pytest

from orchestra.chassis.surely import surely


async def test_it_ends_before_whoever_was_cancelled_does() -> None:
    goes_on, told = asyncio.Event(), list[str]()

    async def settle() -> None:
        await goes_on.wait()
        told.append("settled")

    async def ask() -> None:
        try:
            await surely(settle())
        finally:
            told.append("ended")

    asking = asyncio.create_task(ask())
    for _ in range(3):
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(0)
        assert told == []
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert told == ["settled", "ended"]


async def test_a_scope_that_cancels_at_every_step_does_not_hurry_it() -> None:
    told = list[str]()

    async def settle() -> None:
        await asyncio.sleep(0.05)
        told.append("settled")

    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await surely(settle())
        finally:
            assert told == ["settled"]
    assert scope.cancelled_caught


async def test_its_result_and_its_fault_are_handed_on() -> None:
    async def seven() -> int:
        return 7

    async def breaks() -> None:
        raise ValueError("no")

    assert await surely(seven()) == 7
    with pytest.raises(ValueError, match="no"):
        await surely(breaks())
