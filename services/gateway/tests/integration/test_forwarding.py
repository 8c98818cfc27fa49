"""The forwarded routes: what reaches the services, and what comes back."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from services.gateway.tests.harness import ON_SQLITE, Gateway, gateway_running, settings_for
from starlette.types import Receive, Scope, Send

from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.gateway.entrypoints import projects
from orchestra.gateway.entrypoints.routes import EDITS, FORWARDED

pytestmark = ON_SQLITE

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_request_reaches_its_service_with_a_token_its_key_its_id_and_its_trace(gateway: Gateway) -> None:
    gateway["planner"].says("POST", "/projects", {"id": "prj_9"}, 201, location="/projects/prj_9")
    headers = {"idempotency-key": "k-1", "x-request-id": "req-1", "traceparent": TRACE, "x-other": "stays here"}

    answer = await gateway.client().post("/api/v1/projects", json={"name": "P"}, headers=headers)

    [received] = gateway["planner"].received
    assert received.body == b'{"name":"P"}'
    assert received.caller is not None
    assert received.caller.workspace_id == await gateway.workspace()
    assert received.caller.grants == ("read", "write", "operator", "admin")
    assert received.headers["idempotency-key"] == "k-1"
    assert received.headers["x-request-id"] == "req-1"
    assert received.headers["traceparent"].split("-")[1] == TRACE.split("-")[1]
    assert received.headers["content-type"] == "application/json"
    assert "x-other" not in received.headers
    assert "ork_" not in str(received.headers)
    assert answer.status_code == 201
    assert answer.json() == {"id": "prj_9"}
    assert answer.headers["location"] == "/api/v1/projects/prj_9"
    assert answer.headers["x-request-id"] == "req-1"


async def test_a_service_verifies_a_token_made_for_itself_only(gateway: Gateway) -> None:
    """The stand-in checks the audience: a token of another service would be a 401."""
    for service, path in (
        ("planner", "/projects"),
        ("scheduler", "/runs"),
        ("executor", "/policy"),
        ("notifier", "/webhooks"),
    ):
        gateway[service].says("GET", path, {"data": []})
        assert (await gateway.client().get(f"/api/v1{path}")).status_code == 200
        assert gateway[service].received[-1].caller is not None


async def test_every_forwarded_route_reaches_its_service_under_the_same_path(gateway: Gateway) -> None:
    await gateway.project("project_id")

    for route in FORWARDED:
        path = route.path.replace("{", "").replace("}", "")
        body = {"edits": [{"op": "remove_task", "id": "a"}]} if route is EDITS else None  # the one that is read here
        await gateway.client().request(route.method, f"/api/v1{path}", json=body)
        received = gateway[route.service].received[-1]
        assert (received.method, received.path) == (route.method, path)


async def test_an_answer_is_forwarded_where_the_workspace_has_what_it_names(gateway: Gateway) -> None:
    here, away = "a" * 64, "b" * 64
    path = "/checkpoints/chk_1/answer"
    gateway["executor"].says("HEAD", f"/artifacts/{here}", None)
    gateway["scheduler"].says("POST", path, {"id": "chk_1"}, etag='"1"')
    body = {"answer": "retry", "inputs": {"in.txt": here}}

    answer = await gateway.client().post(f"/api/v1{path}", json=body, headers={"if-match": '"0"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    [received] = gateway["scheduler"].received
    assert (json.loads(received.body), received.headers["if-match"]) == (body, '"0"')

    refused = await gateway.client().post(f"/api/v1{path}", json=body | {"inputs": {"in.txt": here, "a/b": away}})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown-content")
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/inputs/a~1b"]
    assert len(gateway["scheduler"].received) == 1

    for malformed in (b'{"inputs": {"in.txt": "ABC"}}', b"[]", b"{"):
        await gateway.client().post(f"/api/v1{path}", content=malformed)
        assert gateway["scheduler"].received[-1].body == malformed


async def test_query_and_refusal_pass_as_they_are(gateway: Gateway) -> None:
    refusal = {"code": "invalid-cursor", "detail": "no", "status": 422}
    gateway["scheduler"].says("GET", "/runs", refusal, 422, content_type="application/problem+json", retry_after="7")

    answer = await gateway.client().get("/api/v1/runs?cursor=a%2Fb&limit=3&x=%C3%A9")

    assert gateway["scheduler"].received[0].query == "cursor=a%2Fb&limit=3&x=%C3%A9"
    assert (answer.status_code, answer.json()) == (422, refusal)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"


async def test_conditions_and_tags_pass_both_ways(gateway: Gateway) -> None:
    gateway["scheduler"].does("GET", "/tasks/tsk_1", _unchanged)
    headers = [("if-none-match", '"a"'), ("if-none-match", '"b"'), ("if-match", '"c"')]

    answer = await gateway.client().get("/api/v1/tasks/tsk_1", headers=headers)

    received = gateway["scheduler"].received[0].headers
    assert (received["if-none-match"], received["if-match"]) == ('"a", "b"', '"c"')
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"b"')


async def test_the_token_of_an_agent_passes(gateway: Gateway) -> None:
    path = "/agents/scout/heartbeat"
    gateway["executor"].says("POST", path, {"state": "active"})

    await gateway.client().post(f"/api/v1{path}", headers={"x-agent-token": "t-1"})
    assert gateway["executor"].received[-1].headers["x-agent-token"] == "t-1"


async def _unchanged(request: Request) -> Response:
    await request.body()
    return Response(status_code=304, headers={"ETag": '"b"'})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/policy/check"),
        ("POST", "/policy/check"),
        ("GET", "/projects/prj_1/secrets"),
        ("GET", "/tasks"),
        ("GET", "/readyz"),
        ("PATCH", "/nothing"),
    ],
)
async def test_what_is_not_in_the_table_is_not_found(gateway: Gateway, method: str, path: str) -> None:
    answer = await gateway.client().request(method, f"/api/v1{path}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"
    assert not any(upstream.received for upstream in gateway.upstreams.values())


@pytest.mark.parametrize("name", ["%2e%2e", "%2E", "a%2F..%2Fb", "..%2f..%2fdead-letters"])
async def test_an_id_cannot_lead_to_another_path(gateway: Gateway, name: str) -> None:
    answer = await gateway.client().get(f"/api/v1/projects/{name}/requirements")

    assert answer.status_code == 404
    assert not any("dead-letters" in each.path or ".." in each.path for each in gateway["planner"].received)


async def test_an_id_with_odd_characters_arrives_as_it_is(gateway: Gateway) -> None:
    await gateway.client().get("/api/v1/tasks/a%20%3Fb%25")

    assert gateway["scheduler"].received[0].path == "/tasks/a ?b%"


async def test_a_team_needs_a_project_of_this_workspace(gateway: Gateway) -> None:
    gateway["scheduler"].says("PUT", "/projects/prj_1/team", {"members": []})
    client = gateway.client()

    before = await client.put("/api/v1/projects/prj_1/team", json={"members": []})
    await gateway.project()
    after = await client.put("/api/v1/projects/prj_1/team", json={"members": []})

    assert (before.status_code, before.json()["code"]) == (404, "unknown-project")
    assert after.status_code == 200
    assert len(gateway["scheduler"].received) == 1
    assert gateway["scheduler"].received[0].body == b'{"members":[]}'


async def test_a_service_that_is_away_is_a_503_that_says_when_to_come_back(database_url: str) -> None:
    nowhere = httpx.AsyncClient(base_url="http://127.0.0.1:9", timeout=2)
    async with gateway_running(settings_for(database_url)) as gateway, nowhere:
        gateway.running.app.state.clients["scheduler"] = nowhere
        answer = await gateway.client().get("/api/v1/runs")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["code"] == "unavailable"
    assert answer.json()["retryable"] is True
    assert "scheduler" in answer.json()["detail"]


async def test_a_service_that_breaks_off_before_its_answer_is_a_503(gateway: Gateway) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    client = httpx.AsyncClient(transport=InProcessHttp(broken), base_url="http://scheduler")
    gateway.running.app.state.clients["scheduler"] = client

    answer = await gateway.client().post("/api/v1/runs/run_1/cancel")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


CHUNK, CHUNKS = b"x" * 65_536, 320
"""20 MB in all, more than a body that is not streamed may have."""


async def test_an_artifact_is_streamed_up_and_down_and_never_whole_in_memory(gateway: Gateway) -> None:
    in_flight: list[int] = []
    sent = received = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(CHUNKS):
            sent += len(CHUNK)
            in_flight.append(sent - received)
            yield CHUNK

    async def keep(request: Request) -> Response:
        nonlocal received
        digest = hashlib.sha256()
        async for chunk in request.stream():
            received += len(chunk)
            digest.update(chunk)
        return Response(digest.hexdigest(), 201)

    async def give(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(CHUNKS):
                sent += len(CHUNK)
                in_flight.append(sent - received)
                yield CHUNK

        return StreamingResponse(chunks(), headers={"content-length": str(len(CHUNK) * CHUNKS)})

    path = f"/artifacts/{'0' * 64}"
    gateway["executor"].does("PUT", path, keep)
    gateway["executor"].does("GET", path, give)

    uploaded = await gateway.client().put(f"/api/v1{path}", content=content())
    assert uploaded.text == hashlib.sha256(CHUNK * CHUNKS).hexdigest()

    sent = received = 0
    async with gateway.client().stream("GET", f"/api/v1{path}") as answer:
        assert answer.headers["content-length"] == str(len(CHUNK) * CHUNKS)
        async for chunk in answer.aiter_bytes():
            received += len(chunk)
    assert received == len(CHUNK) * CHUNKS
    assert max(in_flight) <= 8 * len(CHUNK)


async def test_a_download_that_nobody_reads_to_its_end_ends_at_the_service_too(gateway: Gateway) -> None:
    ended = asyncio.Event()

    class Endless(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                while True:
                    await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            finally:
                ended.set()

    async def give(request: Request) -> Response:
        return Endless()

    gateway["executor"].does("GET", f"/artifacts/{'0' * 64}", give)

    async with gateway.client().stream("GET", f"/api/v1/artifacts/{'0' * 64}") as answer:
        await anext(answer.aiter_bytes())

    async with asyncio.timeout(10):
        await ended.wait()


async def test_a_head_request_says_how_large_an_artifact_is(gateway: Gateway) -> None:
    async def size(request: Request) -> Response:
        return Response(status_code=200, headers={"content-length": "123"})

    gateway["executor"].does("HEAD", f"/artifacts/{'0' * 64}", size)

    answer = await gateway.client().head(f"/api/v1/artifacts/{'0' * 64}")

    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "123", b"")


async def test_a_body_that_is_no_artifact_has_a_limit(gateway: Gateway) -> None:
    async def content() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    async def read(request: Request) -> Response:
        return Response(str(len(await request.body())))

    gateway["planner"].does("POST", "/projects", read)

    answer = await gateway.client().post("/api/v1/projects", content=content())

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_a_fork_is_answered_once_the_planner_knows_its_project(gateway: Gateway) -> None:
    run = {"id": "run_2", "project_id": "prj_2"}
    gateway["scheduler"].says("POST", "/runs/run_1/fork", run, 201, location="/runs/run_2", idempotent_replayed="true")
    asking = asyncio.create_task(gateway.client().post("/api/v1/runs/run_1/fork", json={"from": ["a"]}))
    async with asyncio.timeout(60):
        while len(gateway["planner"].asked("GET", "/projects/prj_2")) < 2:
            await asyncio.sleep(0.01)
    assert not asking.done()
    await gateway.project("prj_2")
    answer = await asking
    assert (answer.status_code, answer.json()) == (201, run)
    assert answer.headers["location"] == "/api/v1/runs/run_2"
    assert answer.headers["idempotent-replayed"] == "true"


async def test_a_fork_that_the_planner_does_not_hear_of_in_time_has_begun_all_the_same(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "PATIENCE_S", 0.0)
    run = {"id": "run_2", "project_id": "prj_2"}
    gateway["scheduler"].says("POST", "/runs/run_1/fork", run, 201)
    asked = {"from": ["a"]}
    assert (await gateway.client().post("/api/v1/runs/run_1/fork", json=asked)).status_code == 202
    gateway["planner"].says("GET", "/projects/prj_2", {}, 503)
    answer = await gateway.client().post("/api/v1/runs/run_1/fork", json=asked)
    assert (answer.status_code, answer.json()) == (202, run)


async def test_a_fork_that_is_refused_asks_nobody_else(gateway: Gateway) -> None:
    answer = await gateway.client().post("/api/v1/runs/run_1/fork", json={"from": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-thing")
    assert gateway["planner"].received == []
