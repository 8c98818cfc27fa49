"""A client of event streams, as small as one can be."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Message:
    id: int | None
    event: str
    data: Any
    retry: int | None


async def messages(answer: httpx.Response) -> AsyncIterator[Message]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            number, retry = fields.get("id"), fields.get("retry")
            yield Message(
                int(number) if number else None,
                fields.get("event", "message"),
                json.loads(fields.get("data", "null")),
                int(retry) if retry else None,
            )
            fields = {}


@asynccontextmanager
async def watching(
    client: httpx.AsyncClient, path: str = "/api/v1/events", last: int | None = None
) -> AsyncIterator[AsyncIterator[Message]]:
    headers = {"last-event-id": str(last)} if last is not None else {}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


async def take(stream: AsyncIterator[Message], count: int) -> list[Message]:
    """The next messages that have an id."""
    taken: list[Message] = []
    while len(taken) < count:
        message = await anext(stream)
        if message.id is not None:
            taken.append(message)
    return taken
