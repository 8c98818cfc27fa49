"""An application on a socket of its own on loopback."""

import asyncio
import socket
from abc import ABC, abstractmethod
from typing import Literal, Self

import uvicorn
from starlette.types import Receive, Scope, Send


class Served(ABC):
    """Enter it; `url` is its address. Who derives from it says what it answers, in `answer`."""

    lifespan: Literal["on", "off"] = "off"
    at: int = 0
    """The port to be had; 0: any."""

    async def __aenter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", self.at))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            self.answer, interface="asgi3", log_config=None, lifespan=self.lifespan, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._serving
        self._socket.close()

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None: ...


async def body_of(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    known = [(b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": known})
    await send({"type": "http.response.body", "body": body})


async def stall(receive: Receive) -> None:
    """Until whoever asked has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
