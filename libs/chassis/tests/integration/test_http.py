"""What surrounds every request: problems, pages, sizes, ids, traces."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from libs.chassis.tests.example.events import envelope, note
from libs.chassis.tests.example.running import Example
from libs.chassis.tests.example.service import subscriptions
from libs.chassis.tests.example.tables import NOTE
from sqlalchemy import select

from orchestra.chassis.http import requests
from orchestra.chassis.http.requests import LARGEST_BODY, Requests
from orchestra.chassis.messaging import dead_letters
from orchestra.chassis.messaging.consume import consume

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def shape(answer: httpx.Response) -> dict[str, Any]:
    """The problem, once its media type and its trace are as they should be."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"https://orchestra.invalid/problems/{problem['code']}"
    assert len(problem.pop("trace_id")) == 32
    assert answer.headers["x-request-id"]
    return {key: value for key, value in problem.items() if key not in ("type", "title", "status")}


async def test_a_domain_error_is_a_problem_with_its_code_rule_and_sentence(http: httpx.AsyncClient) -> None:
    refused = await http.post("/notes", json={"text": "refuse"})

    assert refused.status_code == 409
    assert shape(refused) == {
        "code": "note-refused",
        "rule": "BR-7",
        "detail": "This cannot be noted.",
        "instance": "/notes",
        "retryable": False,
    }


async def test_faults_of_a_domain_error_keep_their_places(http: httpx.AsyncClient) -> None:
    refused = await http.post("/notes", json={"text": "faults"})

    problem = shape(refused)
    assert (problem["code"], problem["detail"]) == ("notes-unlike", "two notes differ")
    assert problem["errors"] == [{"pointer": "/notes/0", "code": "unlike", "detail": "is not the other"}]


async def test_an_invalid_body_names_every_place(http: httpx.AsyncClient) -> None:
    refused = await http.post("/notes", json={"authors": [{"name": "A"}, {"name": "", "a/b~c": 1}]})

    problem = shape(refused)
    assert (refused.status_code, problem["code"]) == (422, "invalid-request")
    assert {(fault["pointer"], fault["code"]) for fault in problem["errors"]} == {
        ("/text", "missing"),
        ("/authors/1/name", "string-too-short"),
        ("/authors/1/a~1b~0c", "extra-forbidden"),
    }
    assert "(and 2 more)" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"{", 422), (b"[]", 422), (b"\xff\xfe", 422), (b"[" * 100_000, 400), (b'{"text": "\\ud800"}', 422)],
)
async def test_a_body_that_is_no_json_is_refused(body: bytes, status: int, http: httpx.AsyncClient) -> None:
    refused = await http.post("/notes", content=body, headers={"content-type": "application/json"})

    assert refused.status_code == status, refused.text
    shape(refused)


async def test_text_that_a_database_cannot_hold_is_no_bug(example: Example, http: httpx.AsyncClient) -> None:
    answer = await http.post("/notes", json={"text": "a\0b"})

    # SQLite can, PostgreSQL cannot.
    assert answer.status_code == (201 if example.running.database.dialect.single_writer else 422)


async def test_a_bug_tells_nothing_but_its_trace(http: httpx.AsyncClient) -> None:
    answer = await http.post("/notes", json={"text": "bug"}, headers={"x-request-id": "req-1"})

    assert answer.status_code == 500
    assert shape(answer)["detail"] == "this is a bug in the service"
    assert answer.headers["x-request-id"] == "req-1"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not-found"), ("PATCH", "/notes", 405, "method-not-allowed")],
)
async def test_unknown_places_and_methods_are_problems(
    method: str, path: str, status: int, code: str, http: httpx.AsyncClient
) -> None:
    answer = await http.request(method, path)

    assert (answer.status_code, shape(answer)["code"]) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


async def test_without_a_token_nothing_is_answered(example: Example) -> None:
    async with example.client() as http:
        for authorization in ("", "Bearer ", "Basic dTpw", "Bearer nonsense"):
            answer = await http.get("/notes", headers={"authorization": authorization})
            assert (answer.status_code, shape(answer)["code"]) == (401, "unauthenticated")


async def test_the_caller_is_what_the_token_says(example: Example) -> None:
    async with example.client("wsp_9", "read") as http:
        answer = await http.get("/caller", headers={"x-workspace": "wsp_1"})

    assert answer.json() == {"subject": "tester", "workspace_id": "wsp_9", "grants": ["read"]}


async def test_pages_follow_one_another_without_gap_or_overlap(example: Example, http: httpx.AsyncClient) -> None:
    async with example.running.database.begin() as work:
        for number in range(7):
            await work.note(str(number))

    texts, cursor, pages = list[str](), None, 0
    while True:
        page = (await http.get("/notes", params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        texts += [item["text"] for item in page["data"]]
        pages, cursor = pages + 1, page["next_cursor"]
        if cursor is None:
            break

    assert (texts, pages) == ([str(number) for number in range(7)], 3)


async def test_a_page_that_is_just_full_has_no_next(example: Example, http: httpx.AsyncClient) -> None:
    assert (await http.get("/notes", params={"limit": 3})).json() == {"data": [], "next_cursor": None}
    async with example.running.database.begin() as work:
        for number in range(3):
            await work.note(str(number))

    assert (await http.get("/notes", params={"limit": 3})).json()["next_cursor"] is None


async def test_a_cursor_of_one_s_own_making_is_refused(http: httpx.AsyncClient) -> None:
    for cursor in ("7", "eyJ9.x", "", "x" * 501):
        refused = await http.get("/notes", params={"cursor": cursor})
        assert refused.status_code == 422
        assert shape(refused)["code"] in ("invalid-cursor", "invalid-request")
    for limit in ("0", "501", "many"):
        assert shape(await http.get("/notes", params={"limit": limit}))["errors"][0]["pointer"] == "/limit"


async def test_a_body_above_the_limit_is_refused_before_it_is_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/notes", content=b"x", headers={"content-length": str(LARGEST_BODY + 1)})

    assert (answer.status_code, shape(answer)["code"]) == (413, "too-large")


async def test_a_body_that_does_not_say_its_size_is_cut_off_at_the_limit(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LARGEST_BODY:
            sent += 2**20
            yield b" " * 2**20

    answer = await http.post("/notes", content=endless(), headers={"content-type": "application/json"})

    assert (answer.status_code, shape(answer)["code"]) == (413, "too-large")


async def test_a_streamed_route_has_limits_of_its_own(http: httpx.AsyncClient) -> None:
    answer = await http.put("/streams/a", content=b"x" * (LARGEST_BODY + 1))

    assert (answer.status_code, answer.json()) == (200, LARGEST_BODY + 1)


async def test_a_request_keeps_its_id_or_gets_one(http: httpx.AsyncClient) -> None:
    given = await http.get("/notes", headers={"x-request-id": "mine"})
    made = [(await http.get("/notes")).headers["x-request-id"] for _ in range(2)]
    long = await http.get("/notes", headers={"x-request-id": "x" * 1000})

    assert given.headers["x-request-id"] == "mine"
    assert len(set(made)) == 2
    assert len(long.headers["x-request-id"]) == 100


async def test_a_trace_goes_from_the_request_through_the_outbox_into_the_delivery(
    example: Example, http: httpx.AsyncClient
) -> None:
    await http.post("/notes", json={"text": "a"}, headers={"traceparent": TRACEPARENT})
    await http.post("/notes", json={"text": "b"})

    async with asyncio.timeout(10):
        while len(traces := await noted_traces(example)) < 4:
            await asyncio.sleep(0.01)
    assert traces["a"] == traces["heard: a"] == TRACE
    assert traces["b"] == traces["heard: b"] != TRACE


async def noted_traces(example: Example) -> dict[str, str]:
    async with example.running.database.read() as view:
        return {row.text: row.trace_id for row in await view.connection.execute(select(NOTE))}


async def test_dead_letters_are_for_operators(example: Example, http: httpx.AsyncClient) -> None:
    [subscription] = subscriptions
    async with example.running.database.begin() as work:
        body = envelope(note("from the dead")).to_json()
        await dead_letters.store(
            work, subscription=subscription.name, event_id="evt_1", kind="note.taken.v1", body=body, reason="a bug"
        )
    [letter] = (await http.get("/dead-letters")).json()["data"]

    async with example.client("wsp_1", "read", "write", "admin") as other:
        for method, path in (("GET", ""), ("GET", f"/{letter['id']}"), ("POST", f"/{letter['id']}/replay")):
            refused = await other.request(method, f"/dead-letters{path}")
            assert (refused.status_code, shape(refused)["code"]) == (403, "not-granted")

    assert (await http.get(f"/dead-letters/{letter['id']}")).json()["reason"] == "a bug"
    replayed = await http.post(f"/dead-letters/{letter['id']}/replay")
    assert replayed.json()["replayed_at"] is not None
    assert (await http.get("/dead-letters")).json()["data"] == []
    assert "heard: from the dead" in await noted_traces(example)
    assert shape(await http.get("/dead-letters/ded_none"))["code"] == "unknown-dead-letter"


async def test_dead_letters_come_in_pages_the_newest_first(example: Example, http: httpx.AsyncClient) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("a bug")

    [subscription] = subscriptions
    failing = type(subscription)("example", subscription.event, fail)
    for text in "abc":
        await consume(failing, [envelope(note(text))], example.running.database)

    first = (await http.get("/dead-letters", params={"limit": 2})).json()
    second = (await http.get("/dead-letters", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    ids = [letter["id"] for page in (first, second) for letter in page["data"]]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert second["next_cursor"] is None


@pytest.fixture
async def hurried(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Its answers must begin within a twentieth of a second."""
    monkeypatch.setattr(requests, "DEADLINE", 0.05)
    app = FastAPI()
    app.add_middleware(Requests, service="hurried", streamed=("/streams/",))

    async def chunks() -> AsyncIterator[str]:
        yield "begun,"
        await asyncio.sleep(0.2)
        yield "ended"

    @app.get("/for-ever")
    async def for_ever() -> None:
        await asyncio.Event().wait()

    @app.get("/own-limit")
    async def own_limit() -> None:
        raise TimeoutError("its own")

    @app.get("/slowly")
    async def slowly() -> StreamingResponse:
        return StreamingResponse(chunks())

    @app.get("/streams/late")
    async def late() -> str:
        await asyncio.sleep(0.2)
        return "late"

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hurried") as client:
        yield client


async def test_a_request_that_hangs_is_answered_that_it_may_come_again(hurried: httpx.AsyncClient) -> None:
    answer = await hurried.get("/for-ever")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert shape(answer)["detail"] == "no answer within 0.05 s"


async def test_an_answer_that_has_begun_takes_its_time(hurried: httpx.AsyncClient) -> None:
    assert (await hurried.get("/slowly")).text == "begun,ended"
    assert (await hurried.get("/streams/late")).json() == "late"


async def test_a_time_out_of_the_handlers_own_is_its_bug(hurried: httpx.AsyncClient) -> None:
    assert (await hurried.get("/own-limit")).status_code == 500
