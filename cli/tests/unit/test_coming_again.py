"""The command comes again when it is asked to, with the same key, and not for ever."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop


class Busy(ThreadingHTTPServer):
    """Answers "come again" so many times, with this header, before it does what it is asked."""

    def __init__(self, times: int, **headers: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.times = times
        self.headers = headers
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Busy

    def do_GET(self) -> None:
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        away = len(self.server.keys) <= self.server.times
        body = b'{"code": "unavailable", "detail": "away"}' if away else b'{"done": true}'
        self.send_response(503 if away else 200)
        for name, value in self.server.headers.items() if away else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """It would write to the test's own output."""


@contextmanager
def busy(times: int, **headers: str) -> Iterator[Busy]:
    with Busy(times, **headers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


async def test_what_is_away_for_a_moment_is_asked_again() -> None:
    with busy(2, **{"Retry-After": "0"}) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            assert await Api(client).get("/runs") == {"done": True}
    assert len(server.keys) == 3


async def test_a_command_is_repeated_under_its_key() -> None:
    with busy(2, **{"Retry-After": "0"}) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            assert await Api(client).post("/projects", {"name": "once"}) == {"done": True}
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert server.keys[0]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}, {"Retry-After": "soon"}])
async def test_without_a_wish_that_can_be_met_it_stops_at_once(headers: dict[str, str]) -> None:
    with busy(1, **headers) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            with pytest.raises(Stop, match="away") as stop:
                await Api(client).get("/runs")
    assert (stop.value.code, len(server.keys)) == (Exit.UNAVAILABLE, 1)
