"""Leased work: it is claimed, performed outside any transaction, kept under lease and recorded, whatever it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import ChassisError
from orchestra.chassis.loops import Loop
from orchestra.chassis.surely import surely
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.wakeups import Wakeups
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.claim_attempts import Claim
from orchestra.executor.application.performance import Held, Performance
from orchestra.executor.domain.attempt import Failed

log = logger("attempts")

TAKEN = Failed("lost", "Its lease was taken away.")
STOPPED = "The executor was stopped before it had ended."


class Ended(Protocol):
    @property
    def id(self) -> str: ...


H = TypeVar("H", bound=Held)
E = TypeVar("E", bound=Ended)


class Trade(Protocol[H, E]):
    """What is done with one kind of leased work."""

    @property
    def name(self) -> str:
        """Of the loop that takes up what is queued, and what it is woken by."""
        ...

    @property
    def endings(self) -> str:
        """Of the other two loops."""
        ...

    @property
    def leases(self) -> str: ...

    async def claim(self, work: ExecutorWork, lease: Lease, slots: int) -> Claim[H]: ...

    async def perform(self, performance: Performance[H]) -> E:
        """Ends soon after the performance is stopped. Raises nothing."""
        ...

    async def record(self, work: ExecutorWork, started: Sequence[H], ended: Sequence[E]) -> None: ...

    async def keep(self, work: ExecutorWork, lease: Lease, held: Sequence[str]) -> Mapping[str, str | None]:
        """Renew what is held, and take care of what others let run out; see `keep_leases`."""
        ...

    async def lose(self, work: ExecutorWork, owners: Sequence[str], reason: str) -> None:
        """These owners are gone: nobody has to wait for the end of their leases."""
        ...


@dataclass(frozen=True)
class Terms:
    """How this process holds them."""

    owner: str
    slots: int
    lease: float
    """Seconds."""
    grace: float
    """Seconds that running commands are given at a stop."""


class Performances(Generic[H, E]):
    """What this process holds of one kind."""

    def __init__(self, database: Database[ExecutorWork], wakeups: Wakeups, trade: Trade[H, E], terms: Terms) -> None:
        self._database = database
        self._wakeups = wakeups
        self._trade = trade
        self._terms = terms
        self._performing: dict[str, tuple[Performance[H], asyncio.Task[None]]] = {}
        self._started: list[H] = []
        self._ended: list[E] = []

    def loops(self) -> list[Loop]:
        return [
            Loop(self._trade.name, self.claim, every=1.0),
            Loop(self._trade.endings, self.record, every=1.0),
            Loop(self._trade.leases, self.keep, every=self._terms.lease / 3, steady=True),
        ]

    def running(self) -> int:
        return len(self._performing)

    async def claim(self) -> bool:
        """Take what is queued, up to the free slots; True when there may be room for more.

        One that a stop meets is ended first: what it leased would be lost, and nobody would have begun it.
        """
        return await surely(self._claim())

    async def _claim(self) -> bool:
        lease_ends = self._lease_ends()
        async with self._database.begin() as work:
            free = self._terms.slots - len(self._performing)
            claim = await self._trade.claim(work, self._lease(work), free)
        for held in claim.to_perform:
            self._begin(held, lease_ends)
        return claim.more

    def _begin(self, held: H, lease_ends: float) -> None:
        performance = Performance(held, lease_ends, self._tell_start)
        self._performing[held.id] = performance, asyncio.create_task(self._perform(performance), name=held.id)

    async def _perform(self, performance: Performance[H]) -> None:
        try:
            ended = await self._trade.perform(performance)
        finally:
            performance.close()
            del self._performing[performance.held.id]
        self._ended.append(ended)
        self._wakeups.wake(self._trade.endings)
        self._wakeups.wake(self._trade.name)

    def _tell_start(self, held: H) -> None:
        self._started.append(held)
        self._wakeups.wake(self._trade.endings)

    async def record(self) -> bool:
        """Write all that is ready at this moment in one transaction."""
        started, self._started = self._started, []
        ended, self._ended = self._ended, []
        try:
            await self._record(started, ended)
        except BaseException:
            # What was written all the same is refused the next time.
            self._started, self._ended = started + self._started, ended + self._ended
            raise
        return bool(self._started or self._ended)

    async def _record(self, started: Sequence[H], ended: Sequence[E]) -> None:
        if not started and not ended:
            return
        try:
            async with self._database.begin() as work:
                await self._trade.record(work, started, ended)
        except ChassisError:
            raise
        except Exception:
            # One that cannot be written must not keep the others from it; its lease will run out.
            if len(started) + len(ended) == 1:
                log.exception("it cannot be recorded", trade=self._trade.name)
                return
            for held in started:
                await self._record([held], [])
            for each in ended:
                await self._record([], [each])

    async def keep(self) -> bool:
        """Renew all leases at once; stop what was withdrawn or taken away, and end what others let run out."""
        lease_ends = self._lease_ends()
        performing = {held_id: performance for held_id, (performance, _) in self._performing.items()}
        held = [*performing, *(each.id for each in self._ended)]
        async with self._database.begin() as work:
            kept = await self._trade.keep(work, self._lease(work), held)
        for held_id, performance in performing.items():
            if held_id not in kept:
                performance.stop(TAKEN)
            elif (reason := kept[held_id]) is not None:
                performance.stop(Failed("cancelled", reason))
            else:
                performance.extend(lease_ends)
        return False

    def _lease(self, work: ExecutorWork) -> Lease:
        return Lease(self._terms.owner, work.now + timedelta(seconds=self._terms.lease))

    def _lease_ends(self) -> float:
        """By the event loop's clock, read before the transaction reads its own: this one is never the later one."""
        return asyncio.get_running_loop().time() + self._terms.lease

    async def stop(self) -> None:
        """Called when the loops have ended. Running commands get the grace, the others end as lost; all is recorded."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._terms.grace
        while self._performing and (left := until - loop.time()) > 0:
            pause = min(left, self._terms.lease / 3)
            await asyncio.wait(self._tasks(), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            await self._try(self.record)
            await self._try(self.keep)
        for performance, _ in self._performing.values():
            performance.stop(Failed("lost", STOPPED))
        if self._performing:
            await asyncio.wait(self._tasks())
        await self._try(self.record)
        await self._try(self._give_up)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for _, task in self._performing.values()]

    async def _give_up(self) -> None:
        """A claim whose commit was not answered may have left leases that nobody here knows of."""
        async with self._database.begin() as work:
            await self._trade.lose(work, [self._terms.owner], STOPPED)

    async def _try(self, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except ChassisError as error:
            log.warning("work is left to the end of its leases", trade=self._trade.name, reason=str(error))
