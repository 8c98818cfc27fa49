"""Work that is done whatever happens to whoever waits for it."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def surely(work: Awaitable[T]) -> T:
    """Its result, once it has one. Whoever is cancelled meanwhile is so afterwards, however often that was: the
    libraries' own scopes say it again at each step."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
