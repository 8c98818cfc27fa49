"""Wake-ups by name."""

import asyncio

from orchestra.chassis.wakeups import LocalWakeups


async def test_all_who_wait_for_a_name_are_woken_and_nobody_else() -> None:
    wakeups = LocalWakeups()
    same = [asyncio.create_task(wakeups.wait("a", 5)) for _ in range(3)]
    other = asyncio.create_task(wakeups.wait("b", 0.05))
    await asyncio.sleep(0)

    wakeups.wake("a")

    assert await asyncio.gather(*same, other) == [True, True, True, False]


async def test_what_was_woken_just_before_counts_once() -> None:
    wakeups = LocalWakeups()
    wakeups.wake("a")
    wakeups.wake("a")

    assert await asyncio.wait_for(wakeups.wait("a", 60), 1)
    assert not await wakeups.wait("a", 0.01)


async def test_who_gave_up_waiting_leaves_nothing_behind() -> None:
    wakeups = LocalWakeups()
    assert not await wakeups.wait("a", 0.01)
    task = asyncio.create_task(wakeups.wait("a", 60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    wakeups.wake("a")

    assert await asyncio.wait_for(wakeups.wait("a", 60), 1)
