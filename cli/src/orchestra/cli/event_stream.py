"""A stream of server-sent events, read to its end across lost connections."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop

RETRY_S = 2.0
"""Before a connection is made again."""

TRIES = 15
"""In a row that bring nothing, before the gateway is taken to be away."""

SILENCE_S = 60.0
"""Without a sign, heartbeats included, the connection is dead."""


@dataclass(frozen=True)
class Message:
    kind: str
    content: dict[str, Any]


async def messages(api: Api, path: str) -> AsyncGenerator[Message]:
    """All up to the one called `end`, each once. Raises Stop when the gateway refuses or stays away."""
    last: str | None = None
    tries = 0
    while True:
        try:
            async with api.stream(path, last, SILENCE_S) as lines:
                async for fields in _events(lines):
                    last, tries = fields.get("id", last), 0
                    message = Message(fields.get("event", "message"), json.loads(fields["data"]))
                    yield message
                    if message.kind == "end":
                        return
        except httpx.HTTPError as error:
            tries += 1
            if tries >= TRIES:
                raise Stop(Exit.UNAVAILABLE, f"the gateway does not answer: {error or type(error).__name__}") from error
        await asyncio.sleep(RETRY_S)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """The fields of each event that has content; ours have one line of it."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield fields
            fields = {}
