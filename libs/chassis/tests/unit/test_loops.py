"""Supervised loops go on, whatever they meet, until somebody really ends them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.loops import LONGEST_PAUSE, Loop
from orchestra.chassis.wakeups import LocalWakeups


class Script:
    """A step that does what it is told, one thing each time, then says that it is through."""

    def __init__(self, *actions: Callable[[], bool]) -> None:
        self.actions = list(actions)
        self.through = asyncio.Event()

    async def step(self) -> bool:
        if self.actions:
            return self.actions.pop(0)()
        self.through.set()
        return False


class Impatient(LocalWakeups):
    """Waits for nothing, and remembers how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def wait(self, name: str, seconds: float) -> bool:
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        return False


def raises(error: BaseException) -> Callable[[], bool]:
    def action() -> bool:
        raise error

    return action


def more() -> bool:
    return True


def enough() -> bool:
    return False


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), Unavailable("gone"), TimeoutError(), asyncio.CancelledError("a lost heartbeat")]
)
async def test_a_loop_survives(error: BaseException) -> None:
    script, wakeups = Script(raises(error), raises(error)), Impatient()
    loop = Loop("a", script.step, every=60)
    task = asyncio.create_task(loop.run(wakeups))

    await asyncio.wait_for(script.through.wait(), 5)

    assert wakeups.pauses[:2] == [0.2, 0.4]
    assert loop.failures == 0
    assert not task.done()
    await end(task)


async def test_real_cancellation_ends_a_loop_in_a_step_and_in_a_pause() -> None:
    for step in (asyncio.Event().wait, Script().step):
        task = asyncio.create_task(Loop("a", step, every=60).run(LocalWakeups()))
        await asyncio.sleep(0.01)
        await end(task)


async def test_a_cancellation_asked_for_while_a_step_is_interrupted_anyway_is_not_swallowed() -> None:
    def cancelled_twice() -> bool:
        task.cancel()
        raise asyncio.CancelledError("a lost heartbeat")

    task = asyncio.create_task(Loop("a", Script(cancelled_twice).step, every=60).run(Impatient()))

    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_failures_are_counted_and_pauses_grow_to_a_limit() -> None:
    script, wakeups = Script(*[raises(ValueError())] * 12), Impatient()
    loop = Loop("a", script.step, every=60)
    seen: list[int] = []
    step: Callable[[], Awaitable[bool]] = script.step

    async def watched() -> bool:
        seen.append(loop.failures)
        return await step()

    loop.step = watched
    task = asyncio.create_task(loop.run(wakeups))
    await asyncio.wait_for(script.through.wait(), 5)

    assert seen[:13] == list(range(13))
    assert wakeups.pauses[:6] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4])
    assert set(wakeups.pauses[6:12]) == {LONGEST_PAUSE}
    await end(task)


async def test_a_step_that_says_more_is_done_again_at_once() -> None:
    script, wakeups = Script(more, more, enough), Impatient()
    task = asyncio.create_task(Loop("a", script.step, every=7).run(wakeups))

    await asyncio.wait_for(script.through.wait(), 5)

    assert wakeups.pauses[0] == 7
    assert len(script.actions) == 0
    await end(task)


async def test_a_loop_is_woken_by_its_name_or_by_the_one_it_gives() -> None:
    for loop_wake, woken in (("", "a"), ("b", "b")):
        script, wakeups = Script(enough), LocalWakeups()
        task = asyncio.create_task(Loop("a", script.step, every=60, wake=loop_wake).run(wakeups))
        await asyncio.sleep(0.01)
        assert not script.through.is_set()

        wakeups.wake(woken)

        await asyncio.wait_for(script.through.wait(), 5)
        await end(task)


async def pauses_of(loop: Loop, slowest: float, count: int) -> list[float]:
    wakeups = Impatient()
    task = asyncio.create_task(loop.run(wakeups, slowest))
    while len(wakeups.pauses) < count:
        await asyncio.sleep(0)
    task.cancel()
    return wakeups.pauses[:count]


async def test_a_loop_that_finds_nothing_slows_down_as_far_as_it_may() -> None:
    async def nothing() -> bool:
        return False

    quick = await pauses_of(Loop("l", nothing, every=1.0), 0.0, 4)
    slowing = await pauses_of(Loop("l", nothing, every=1.0), 2.0, 6)
    steady = await pauses_of(Loop("l", nothing, every=1.0, steady=True), 2.0, 4)
    rare = await pauses_of(Loop("l", nothing, every=60.0), 2.0, 4)

    assert quick == steady == [1.0] * 4
    assert slowing == [1.0, 1.25, 1.5625, 1.953125, 2.0, 2.0]
    assert rare == [60.0] * 4


async def test_a_loop_that_is_woken_is_quick_again() -> None:
    looked = asyncio.Event()

    async def look() -> bool:
        looked.set()
        return False

    wakeups, loop = LocalWakeups(), Loop("l", look, every=0.001)
    task = asyncio.create_task(loop.run(wakeups, slowest=600.0))
    while loop.pause < 0.1:
        await asyncio.sleep(0.001)
    assert loop.is_slow
    looked.clear()
    wakeups.wake("l")
    await asyncio.wait_for(looked.wait(), 60)
    while loop.pause > 0.01:
        await asyncio.sleep(0)
    task.cancel()


async def test_a_loop_that_has_slowed_down_waits_no_longer_than_until_what_it_sees_coming() -> None:
    comes = [None, 600.0, 1.2, -3.0]

    async def nothing() -> bool:
        return False

    async def ahead() -> float | None:
        return comes.pop(0)

    pauses = await pauses_of(Loop("l", nothing, every=1.0, ahead=ahead), 10.0, 5)
    assert pauses == [1.0, 1.25, 1.5625, 1.2, 0.01]


async def test_a_loop_that_cannot_look_ahead_goes_on() -> None:
    async def nothing() -> bool:
        return False

    async def ahead() -> float | None:
        raise Unavailable("the database is away")

    pauses = await pauses_of(Loop("l", nothing, every=1.0, ahead=ahead), 10.0, 4)
    assert pauses == [1.0, 0.2, 1.0, 0.2]
