"""How often a provider is asked: its rate, its rest after failures, what it asked to wait, and further tries."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import ExcludeType, OpenedState
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from orchestra.executor.domain.models.failure import Failed, Failure
from orchestra.executor.domain.models.provider import Provider

T = TypeVar("T")


def _no_fault_of_its_own(error: BaseException) -> bool:
    """What says nothing about whether the provider is well: a refused request, a cancelled one, no money."""
    return not (isinstance(error, Failed) and error.failure.again and error.failure.reason != "rate")


class Gate:
    """One provider in this process. Several processes each keep the rate for themselves."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._patience = provider.patience
        self._rate = parse(provider.rate) if provider.rate else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        exclude: ExcludeType = [(BaseException, _no_fault_of_its_own)]
        self._breakers = AsyncCircuitBreakerFactory(self._patience.failures, self._patience.rest_s, exclude)
        self._not_before = 0.0

    async def through(self, once: Callable[[], Awaitable[T]]) -> T:
        """The first answer of as many tries as the provider's patience allows. Raises Failed, and what is none."""
        tries = AsyncRetrying(
            stop=stop_after_attempt(self._patience.tries),
            retry=retry_if_exception(self._worth_another),
            wait=self._pause,
            reraise=True,
        )
        async for attempt in tries:
            with attempt:
                return await self._try(once)
        raise AssertionError("a retry ends with an answer or with an error")

    async def _try(self, once: Callable[[], Awaitable[T]]) -> T:
        await self._admit()
        breaker = await self._breakers.get_breaker(self._provider.name)
        try:
            async with breaker:
                return await once()
        except OpenedState as opened:
            left = max(0.0, opened.opened_at + self._patience.rest_s - time.time())
            detail = f"{self._provider.name} failed too often and is left alone"
            raise Failed(Failure("resting", "no", detail, retry_after=left)) from None
        except Failed as failed:
            if failed.failure.retry_after is not None:
                self._not_before = max(self._not_before, time.monotonic() + failed.failure.retry_after)
            raise

    async def _admit(self) -> None:
        """Wait for the rate and for what the provider asked for; who would wait too long is told instead."""
        wait = self._not_before - time.monotonic()
        while self._rate is not None and wait <= 0 and not await self._limiter.hit(self._rate, self._provider.name):
            reset = (await self._limiter.get_window_stats(self._rate, self._provider.name)).reset_time
            wait = max(0.001, reset - time.time())
            self._refuse_long(wait)
            await asyncio.sleep(wait)
            wait = 0.0
        if wait > 0:
            self._refuse_long(wait)
            await asyncio.sleep(wait)
            await self._admit()

    def _refuse_long(self, wait: float) -> None:
        if wait > self._patience.longest_pause_s:
            detail = f"{self._provider.name} is to be asked no earlier than in {wait:.0f} s"
            raise Failed(Failure("resting", "no", detail, retry_after=wait))

    def _worth_another(self, error: BaseException) -> bool:
        if not isinstance(error, Failed) or not error.failure.again:
            return False
        return (error.failure.retry_after or 0) <= self._patience.longest_pause_s

    def _pause(self, state: RetryCallState) -> float:
        """Exponential with jitter; what the provider asked for is waited for by everybody, in `_admit`."""
        longest = min(self._patience.first_pause_s * 2 ** (state.attempt_number - 1), self._patience.longest_pause_s)
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Failed) and error.failure.retry_after is not None:
            return 0.0
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
