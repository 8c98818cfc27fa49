"""Stand-ins for the other services: tiny applications that record what reaches them and answer what they were told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from orchestra.chassis.http.identity import Caller, TokenVerifier
from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.chassis.http.problems import Problem

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    caller: Caller | None


@dataclass
class Upstream:
    """A service; `answers` are by method and path, anything else is a 404."""

    name: str
    public_key: str
    received: list[Received] = field(default_factory=list[Received])
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict[tuple[str, str], Answer])
    streams: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def __post_init__(self) -> None:
        self.app = FastAPI()
        methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
        self.app.add_api_route("/{path:path}", self._handle, methods=methods, include_in_schema=False)
        self.client = httpx.AsyncClient(transport=InProcessHttp(self.app), base_url=f"http://{self.name}")

    async def _handle(self, request: Request) -> Response:
        headers = dict(request.headers)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        caller = TokenVerifier(self.public_key, self.name).verify(token) if scheme == "Bearer" else None
        path, query = request.scope["path"], request.url.query
        answer = self.answers.get((request.method, path))
        body = b"" if (request.method, path) in self.streams else await request.body()
        self.received.append(Received(request.method, path, query, headers, body, caller))
        if answer is None:
            return Problem(404, "unknown-thing", f"The {self.name} knows nothing here.").response(path)
        return await answer(request)

    def says(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> None:
        async def answer(request: Request) -> Response:
            return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})

        self.answers[method, path] = answer

    def does(self, method: str, path: str, answer: Answer) -> None:
        """`answer` reads the request's body itself."""
        self.streams.add((method, path))
        self.answers[method, path] = answer

    def asked(self, method: str, path: str) -> list[Received]:
        return [each for each in self.received if (each.method, each.path) == (method, path)]
