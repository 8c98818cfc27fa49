"""Wake-ups that reach the other replicas of a service, through Redis. A lost one costs a wait, never an event."""

import asyncio
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from orchestra.chassis.redis_client import redis_at
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.wakeups import LocalWakeups

log = logger("redis")

SHARED = ("feed:", "leases")
"""Names that others wait for too; all other wake-ups concern this process alone."""

MOST_WAITING = 10_000
"""Hints that wait to be sent; more are dropped, which costs no more than a wait."""


class RedisWakeups(LocalWakeups):
    """A twin of LocalWakeups that also tells, and hears, the processes on the same channel."""

    def __init__(self, url: str, service: str) -> None:
        super().__init__()
        self._channel = f"orchestra:wake:{service}"
        self._redis: Any = redis_at(url, decode_responses=True)
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def wake(self, name: str) -> None:
        super().wake(name)
        if name.startswith(SHARED):
            with suppress(asyncio.QueueFull):
                self._outgoing.put_nowait(name)

    async def send(self) -> bool:
        """A loop's step: tell the others what was woken here."""
        name = await self._outgoing.get()
        with suppress(RedisError, OSError):
            await self._redis.publish(self._channel, name)
        return True

    async def listen(self) -> bool:
        """A loop's step: wake here what was woken elsewhere, until the connection ends."""
        try:
            async with self._redis.pubsub() as subscription:
                await subscription.subscribe(self._channel)
                while True:
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=3.0)
                    if message is not None:
                        super().wake(str(message["data"]))
        except (RedisError, OSError) as error:
            log.warning("wake-ups stay in this process", reason=str(error))
            return False

    async def check(self) -> str | None:
        """For readiness."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    async def close(self) -> None:
        await self._redis.aclose()
