"""Streams of bytes under a name, of which only the newest part is kept: for those who watch while something happens.

Nothing may depend on one: a chunk may be lost, and whoever appends is never held up. A reader knows by the places
whether something is missing, and finds the whole elsewhere.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol

KEPT = 256 * 1024
"""Bytes of a stream that are kept, the newest ones."""

MOST_STREAMS = 64
"""Kept in one process; beyond it the one that was quiet for longest goes."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a stream. `end` counts the bytes of the stream up to behind it; whoever appends knows it."""

    end: int
    content: bytes

    @property
    def start(self) -> int:
        return self.end - len(self.content)


class Streams(Protocol):
    """A stream has one writer, whose chunks end at growing places."""

    def append(self, name: str, chunk: Chunk) -> bool:
        """Hand a chunk over and return at once; False when there is no room for it just now."""
        ...

    def remove(self, name: str) -> None:
        """Nobody needs it any more."""
        ...

    async def read(self, after: Mapping[str, int], seconds: float) -> Mapping[str, Sequence[Chunk]]:
        """What ends behind the given place of each name, waiting up to so long until there is anything at all.

        The first chunk of a stream may begin before its place, or behind it when something is missing.
        """
        ...


@dataclass
class _Ring:
    chunks: deque[Chunk] = field(default_factory=deque[Chunk])
    size: int = 0

    def add(self, chunk: Chunk) -> None:
        if self.chunks and chunk.end <= self.chunks[-1].end:
            return
        self.chunks.append(chunk)
        self.size += len(chunk.content)
        while self.size > KEPT and len(self.chunks) > 1:
            self.size -= len(self.chunks.popleft().content)

    def after(self, place: int) -> list[Chunk]:
        newest_first = takewhile(lambda chunk: chunk.end > place, reversed(self.chunks))
        return list(newest_first)[::-1]


class LocalStreams:
    """Within one process."""

    def __init__(self) -> None:
        self._rings: OrderedDict[str, _Ring] = OrderedDict()
        self._waiting: set[asyncio.Event] = set()

    def append(self, name: str, chunk: Chunk) -> bool:
        self._rings.setdefault(name, _Ring()).add(chunk)
        self._rings.move_to_end(name)
        if len(self._rings) > MOST_STREAMS:
            self._rings.popitem(last=False)
        for event in self._waiting:
            event.set()
        return True

    def remove(self, name: str) -> None:
        self._rings.pop(name, None)

    async def read(self, after: Mapping[str, int], seconds: float) -> Mapping[str, Sequence[Chunk]]:
        appended = asyncio.Event()
        self._waiting.add(appended)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not (found := self._behind(after)):
                        await appended.wait()
                        appended.clear()
                    return found
            return {}
        finally:
            self._waiting.discard(appended)

    def _behind(self, after: Mapping[str, int]) -> dict[str, list[Chunk]]:
        found = {name: self._rings[name].after(place) for name, place in after.items() if name in self._rings}
        return {name: chunks for name, chunks in found.items() if chunks}
