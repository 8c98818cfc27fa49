"""A counterpart for webhooks: a real HTTP server on a real socket that checks signatures with the library."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The content, where the signature holds and the time is within five minutes; else it raises."""
        return Webhook(secret).verify(self.body, self.headers)

    def forged(self, secret: str) -> bool:
        try:
            self.verified(secret)
        except WebhookVerificationError:
            return True
        return False


@dataclass(frozen=True)
class Answer:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict[str, str])
    when: asyncio.Event | None = None
    """Say nothing before this."""


@dataclass
class Receiver:
    url: str = ""
    answers: deque[Answer] = field(default_factory=deque[Answer])
    """For the next requests, one by one; then `always`."""
    always: Answer = Answer()
    received: list[Received] = field(default_factory=list[Received])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[list[Received]], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self.received))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            answer = self.answers.popleft() if self.answers else self.always
            async with self._changed:
                self.received.append(Received(head[0].split()[1], headers, body))
                self._changed.notify_all()
            if answer.when is not None:
                await answer.when.wait()
            lines = [f"HTTP/1.1 {answer.status} X", "content-length: 0", "connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the sender gave up: what a test looks at is what was received
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
