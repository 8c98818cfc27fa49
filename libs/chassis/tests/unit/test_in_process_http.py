"""HTTP within one process: both bodies streamed, and no failure of one side hidden from the other."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from orchestra.chassis.http.in_process import InProcessHttp


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=InProcessHttp(app), base_url="http://there")


async def test_a_request_and_its_answer_arrive_as_they_are() -> None:
    app = FastAPI()

    @app.post("/things/{name}")
    async def echo(name: str, request: Request) -> Response:
        seen = {"name": name, "query": request.url.query, "header": request.headers["x-mine"]}
        return Response(f"{seen} {(await request.body()).decode()}", 418, {"x-theirs": "1"})

    async with client(app) as calling:
        answer = await calling.post("/things/a%20b?x=%C3%A9", content=b"body", headers={"X-Mine": "2"})

    assert answer.status_code == 418
    assert answer.headers["x-theirs"] == "1"
    assert answer.text == "{'name': 'a b', 'query': 'x=%C3%A9', 'header': '2'} body"


async def test_bodies_are_taken_at_the_pace_of_their_reader() -> None:
    app = FastAPI()
    given = 0

    @app.post("/")
    async def echo(request: Request) -> StreamingResponse:
        return StreamingResponse(chunk async for chunk in request.stream())

    async def content() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(100):
            given += 1
            yield b"x"

    read, ahead = 0, 0
    async with client(app) as calling, calling.stream("POST", "/", content=content()) as answer:
        async for _ in answer.aiter_raw():
            read += 1
            ahead = max(ahead, given - read)
    assert read == 100
    assert ahead <= 5


async def test_an_endless_answer_can_be_read_and_left_and_then_ends_there_too() -> None:
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"on", "more_body": True})
        finally:
            ended.set()

    async with (
        asyncio.timeout(10),
        httpx.AsyncClient(transport=InProcessHttp(endless), base_url="http://there") as calling,
        calling.stream("GET", "/") as answer,
    ):
        assert await anext(answer.aiter_raw()) == b"on"
    assert ended.is_set()


async def test_an_answer_whose_body_nobody_wants_does_not_hang() -> None:
    app = FastAPI()

    @app.get("/")
    async def show() -> str:
        return "something"

    async with asyncio.timeout(10), client(app) as calling, calling.stream("GET", "/") as answer:
        assert answer.status_code == 200
    async with asyncio.timeout(10), client(app) as calling:
        assert (await calling.head("/")).content == b""


async def test_an_application_that_breaks_before_its_answer_is_a_500_and_in_it_a_read_error() -> None:
    app = FastAPI()

    @app.get("/before")
    async def before() -> None:
        raise RuntimeError("a bug")

    @app.get("/within")
    async def within() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError("a bug")

        return StreamingResponse(chunks())

    async with client(app) as calling:
        assert (await calling.get("/before")).status_code == 500
        with pytest.raises(httpx.ReadError, match="a bug"):
            await calling.get("/within")


async def test_an_application_that_never_answers_is_a_read_error() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async with httpx.AsyncClient(transport=InProcessHttp(silent), base_url="http://there") as calling:
        with pytest.raises(httpx.ReadError):
            await calling.get("/")


async def test_a_body_that_fails_is_the_clients_error_and_a_lost_connection_to_the_application() -> None:
    app = FastAPI()
    lost = asyncio.Event()

    @app.post("/")
    async def read(request: Request) -> str:
        try:
            await request.body()
        except ClientDisconnect:
            lost.set()
        return "too late"

    async def content() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("the disk is gone")

    async with client(app) as calling:
        with pytest.raises(ValueError, match="the disk is gone"):
            await calling.post("/", content=content())
    assert lost.is_set()


async def test_a_call_that_is_given_up_stops_the_application() -> None:
    app = FastAPI()
    stopped = asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with client(app) as calling:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await calling.get("/")
    assert stopped.is_set()
