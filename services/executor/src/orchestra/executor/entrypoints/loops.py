"""The leased work: attempts are claimed, performed outside any transaction, kept under lease and recorded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import ChassisError
from orchestra.chassis.loops import Loop
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.chassis.wakeups import Wakeups
from orchestra.contracts.ids import AttemptId
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.claim_attempts import claim_attempts
from orchestra.executor.application.keep_leases import keep_leases, lose_all_of
from orchestra.executor.application.perform_attempt import Bench, perform_attempt
from orchestra.executor.application.performance import Performance
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.attempt import EndedAttempt, Ending, Failed, HeldAttempt
from orchestra.executor.entrypoints.traces import attempted

log = logger("attempts")

TAKEN = Failed("lost", "Its lease was taken away.")
STOPPED = "The executor was stopped before it had ended."


@dataclass(frozen=True)
class Terms:
    """How this process holds attempts."""

    owner: str
    slots: int
    lease: float
    """Seconds."""
    grace: float
    """Seconds that running commands are given at a stop."""


class Performances:
    """The attempts that this process holds. Its steps are the loops `attempts`, `endings` and `leases`."""

    def __init__(self, database: Database[ExecutorWork], wakeups: Wakeups, bench: Bench, terms: Terms) -> None:
        self._database = database
        self._wakeups = wakeups
        self._bench = bench
        self._terms = terms
        self._performing: dict[AttemptId, tuple[Performance, asyncio.Task[None]]] = {}
        self._started: list[HeldAttempt] = []
        self._ended: list[EndedAttempt] = []

    def loops(self) -> list[Loop]:
        return [
            Loop("attempts", self.claim, every=1.0),
            Loop("endings", self.record, every=1.0),
            Loop("leases", self.keep, every=self._terms.lease / 3, steady=True),
        ]

    def running(self) -> int:
        return len(self._performing)

    async def claim(self) -> bool:
        """Take what is queued, up to the free slots; True when there may be room for more."""
        lease_ends = self._lease_ends()
        async with self._database.begin() as work:
            free = self._terms.slots - len(self._performing)
            claim = await claim_attempts(work, self._bench.policy, self._lease(work), free)
        for attempt in claim.to_perform:
            self._begin(attempt, lease_ends)
        return claim.more

    def _begin(self, attempt: HeldAttempt, lease_ends: float) -> None:
        performance = Performance(attempt, lease_ends, self._tell_start)
        self._performing[attempt.id] = performance, asyncio.create_task(self._perform(performance), name=attempt.id)

    async def _perform(self, performance: Performance) -> None:
        with attempted(performance.attempt, self._bench.sandbox.level) as tell_ending:
            # What is told of it from here on follows from this span.
            attempt = performance.attempt = replace(performance.attempt, trace=traceparent())
            try:
                ending = await perform_attempt(self._bench, attempt, performance.stopped, performance.on_started)
            except Exception as error:
                log.exception("attempt broke off", attempt_id=attempt.id)
                ending = Failed("transient", f"The executor could not perform it: {type(error).__name__}: {error}")
            finally:
                performance.close()
                del self._performing[attempt.id]
            tell_ending(ending)
            failure = ending.failure if isinstance(ending, Failed) else None
            log.info("attempt", attempt_id=attempt.id, workspace_id=attempt.workspace_id, failure=failure)
        self._end(attempt, ending)
        self._wakeups.wake("attempts")

    def _tell_start(self, attempt: HeldAttempt) -> None:
        self._started.append(attempt)
        self._wakeups.wake("endings")

    def _end(self, attempt: HeldAttempt, ending: Ending) -> None:
        self._ended.append(EndedAttempt(attempt, ending))
        self._wakeups.wake("endings")

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

    async def _record(self, started: Sequence[HeldAttempt], ended: Sequence[EndedAttempt]) -> None:
        if not started and not ended:
            return
        try:
            async with self._database.begin() as work:
                await record_attempts(work, started, ended)
        except ChassisError:
            raise
        except Exception:
            # One that cannot be written must not keep the others from it; its lease will run out.
            if len(started) + len(ended) == 1:
                log.exception("attempt cannot be recorded")
                return
            for attempt in started:
                await self._record([attempt], [])
            for each in ended:
                await self._record([], [each])

    async def keep(self) -> bool:
        """Renew all leases at once; stop what was withdrawn or taken away, and end what others let run out."""
        lease_ends = self._lease_ends()
        performing = {attempt_id: performance for attempt_id, (performance, _) in self._performing.items()}
        held = [*performing, *(each.attempt.id for each in self._ended)]
        async with self._database.begin() as work:
            kept = await keep_leases(work, self._lease(work), held)
        for attempt_id, performance in performing.items():
            if attempt_id not in kept:
                performance.stop(TAKEN)
            elif (reason := kept[attempt_id]) is not None:
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
        """A claim that was cut off by the stop may have left leases that nobody here knows of."""
        async with self._database.begin() as work:
            await lose_all_of(work, [self._terms.owner], STOPPED)

    async def _try(self, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except ChassisError as error:
            log.warning("attempts are left to the end of their leases", reason=str(error))
