"""Streams that reach other processes, through Redis. While it is away chunks are dropped, and nobody waits for it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

from orchestra.chassis.redis_client import redis_at
from orchestra.chassis.streams import KEPT, Chunk
from orchestra.chassis.telemetry.logging import logger

log = logger("redis")

PREFIX = "orchestra:stream:"

LASTING = 24 * 3600
"""Seconds that a stream outlives its last chunk, should nobody remove it."""

MOST_WAITING = 64
"""Chunks that wait to be sent; then there is no room for another."""

AT_ONCE = 8
"""Chunks of a stream in one answer."""

LONGEST_WAIT = 2.0
"""Seconds that one question waits at Redis: less than the client waits for any answer."""


class RedisStreams:
    """A twin of LocalStreams. An entry's id is the place where its chunk ends: a place is all a reader needs."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis_at(url, protocol=2)
        self._outgoing: asyncio.Queue[tuple[str, Chunk | None]] = asyncio.Queue(MOST_WAITING)

    def append(self, name: str, chunk: Chunk) -> bool:
        return self._put(name, chunk)

    def remove(self, name: str) -> None:
        self._put(name, None)  # without room for it the stream goes by itself, later

    def _put(self, name: str, chunk: Chunk | None) -> bool:
        with suppress(asyncio.QueueFull):
            self._outgoing.put_nowait((name, chunk))
            return True
        return False

    async def send(self) -> bool:
        """A loop's step: send what waits. What Redis does not take is dropped."""
        name, chunk = await self._outgoing.get()
        try:
            await self._send(PREFIX + name, chunk)
        except ResponseError:
            log.debug("chunk sent before", stream=name)  # an entry that is not behind the last one is refused
        except (RedisError, OSError) as error:
            log.warning("what is watched live has a gap", reason=str(error))
            return False
        return True

    async def _send(self, key: str, chunk: Chunk | None) -> None:
        if chunk is None:
            await self._redis.unlink(key)
            return
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xadd(key, {"c": chunk.content}, id=f"{chunk.end}-0", minid=max(0, chunk.end - KEPT))
            pipeline.expire(key, LASTING)
            await pipeline.execute()

    async def read(self, after: Mapping[str, int], seconds: float) -> Mapping[str, Sequence[Chunk]]:
        until = asyncio.get_running_loop().time() + seconds
        keys = {PREFIX + name: f"{place}-0" for name, place in after.items()}
        try:
            while (left := until - asyncio.get_running_loop().time()) > 0:
                wait = max(1, round(1000 * min(left, LONGEST_WAIT)))
                if found := await self._redis.xread(keys, count=AT_ONCE, block=wait):
                    return {key.decode().removeprefix(PREFIX): _chunks(each) for key, each in found}
        except (RedisError, OSError) as error:
            log.warning("nothing can be watched live", reason=str(error))
            await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
        return {}

    async def close(self) -> None:
        await self._redis.aclose()


def _chunks(entries: Any) -> list[Chunk]:
    return [Chunk(int(place.partition(b"-")[0]), fields[b"c"]) for place, fields in entries]
