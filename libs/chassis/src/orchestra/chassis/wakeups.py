"""Wake-ups by name: hints that something may be there to do. Every wait also ends by its time-out."""

import asyncio
from collections import defaultdict
from typing import Protocol


class Wakeups(Protocol):
    def wake(self, name: str) -> None:
        """Wake all that wait for this name, here and (where the adapter reaches them) in other replicas."""
        ...

    async def wait(self, name: str, seconds: float) -> bool:
        """True when woken, False when the time ran out. What was woken just before counts once."""
        ...


class LocalWakeups:
    """Within one process."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._missed: set[str] = set()

    def wake(self, name: str) -> None:
        waiting = self._waiting.get(name)
        if waiting:
            for event in waiting:
                event.set()
        else:
            self._missed.add(name)

    async def wait(self, name: str, seconds: float) -> bool:
        if name in self._missed:
            self._missed.discard(name)
            return True
        event = asyncio.Event()
        self._waiting[name].add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]
