"""Group commit: what arrives while a batch is in work becomes the next batch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """One flush at a time, of at most `limit` items."""

    def __init__(self, flush: Callable[[list[T]], Awaitable[None]], limit: int) -> None:
        self._flush = flush
        self._limit = limit
        self._items: list[T] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, item: T) -> None:
        self._items.append(item)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._items:
            batch, self._items = self._items[: self._limit], self._items[self._limit :]
            await self._flush(batch)
        self._task = None
