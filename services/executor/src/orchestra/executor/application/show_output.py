"""Show what a command prints while it runs. The log is the truth; this is for the eye, and nothing waits for it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from orchestra.chassis.streams import KEPT, Chunk, Streams

PAUSE = 0.1
"""Seconds between two looks at a log."""

LARGEST = 32 * 1024
"""Bytes at a look, so that no command fills the streams faster than somebody could read."""


@contextmanager
def shown(log: Path, streams: Streams, name: str) -> Generator[None]:
    """Within the block, what is added to the log is appended to the stream. It ends with the block: what is missing
    by then is found in the log."""
    showing = asyncio.create_task(show_output(log, streams, name), name=f"show {name}")
    try:
        yield
    finally:
        showing.cancel()
        streams.remove(name)


async def show_output(log: Path, streams: Streams, name: str) -> None:
    """Until it is cancelled. Who prints too fast is followed by leaps, which leave gaps."""
    place = 0
    while True:
        await asyncio.sleep(PAUSE)  # first of all: most commands have ended by then, and need no look
        size, content = await asyncio.to_thread(_read, log, place)
        if content and streams.append(name, Chunk(place + len(content), content)):
            place += len(content)
        if size - place > KEPT:
            place = size - LARGEST


def _read(log: Path, place: int) -> tuple[int, bytes]:
    """The size of the log and what follows the place; nothing before there is one."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(place)
            return size, file.read(LARGEST)
    except FileNotFoundError:
        return 0, b""
