"""Artifacts, attempts and the policy over HTTP; a thing of another workspace does not exist."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.harness import Executor

CONTENT = b"some content\n" * 1000
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    async with Executor(url, tmp_path, max_artifact_bytes=20_000).at_work() as running:
        yield running


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


@pytest.fixture
async def stranger(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client("wsp_2") as client:
        yield client


async def parts() -> AsyncIterator[bytes]:
    for start in range(0, len(CONTENT), 1000):
        yield CONTENT[start : start + 1000]


async def test_an_upload_is_found_by_its_hash(client: httpx.AsyncClient) -> None:
    put = await client.put(f"/artifacts/{DIGEST}", content=parts())
    got, head = await client.get(f"/artifacts/{DIGEST}"), await client.head(f"/artifacts/{DIGEST}")

    assert (put.status_code, put.json()) == (201, {"sha256": DIGEST, "size": len(CONTENT)})
    assert (got.status_code, got.content) == (200, CONTENT)
    assert (head.status_code, head.content) == (200, b"")
    for answer in (got, head):
        assert answer.headers["content-length"] == str(len(CONTENT))
        assert answer.headers["etag"] == f'"{DIGEST}"'
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_second_upload_changes_nothing(client: httpx.AsyncClient) -> None:
    await client.put(f"/artifacts/{DIGEST}", content=CONTENT)

    assert (await client.put(f"/artifacts/{DIGEST}", content=CONTENT)).status_code == 200


async def test_content_with_another_hash_is_refused(client: httpx.AsyncClient, tmp_path: Path) -> None:
    answer = await client.put(f"/artifacts/{'0' * 64}", content=CONTENT)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-hash")
    assert (await client.get(f"/artifacts/{'0' * 64}")).status_code == 404
    assert not [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [20_001, 1_000_000])
@pytest.mark.parametrize("declared", [True, False])
async def test_too_much_content_is_refused(client: httpx.AsyncClient, size: int, declared: bool) -> None:
    content = b"x" * size

    async def undeclared() -> AsyncIterator[bytes]:
        yield content

    answer = await client.put(
        f"/artifacts/{sha256(content).hexdigest()}", content=content if declared else undeclared()
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_something_that_is_no_hash_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.put("/artifacts/..%2Fx", content=b"x")).status_code in (404, 422)
    assert (await client.put(f"/artifacts/{DIGEST.upper()}", content=CONTENT)).status_code == 422


async def test_the_artifact_of_another_workspace_does_not_exist(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await client.put(f"/artifacts/{DIGEST}", content=CONTENT)

    got, head = await stranger.get(f"/artifacts/{DIGEST}"), await stranger.head(f"/artifacts/{DIGEST}")

    assert (got.status_code, got.json()["code"]) == (404, "unknown-artifact")
    assert head.status_code == 404


async def test_who_has_the_content_may_have_it_too(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    await client.put(f"/artifacts/{DIGEST}", content=CONTENT)

    assert (await stranger.put(f"/artifacts/{DIGEST}", content=CONTENT)).status_code == 201
    assert (await stranger.get(f"/artifacts/{DIGEST}")).content == CONTENT


async def test_knowing_the_hash_is_not_having_the_content(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await client.put(f"/artifacts/{DIGEST}", content=CONTENT)

    assert (await stranger.put(f"/artifacts/{DIGEST}", content=b"a guess")).status_code == 422
    assert (await stranger.get(f"/artifacts/{DIGEST}")).status_code == 404


async def test_attempts_are_listed_by_run_and_by_task(executor: Executor, client: httpx.AsyncClient) -> None:
    events = [dispatched(python(""), dry_run=True, run_id=run, task_id=f"tsk_{run}") for run in ("one", "two", "two")]
    await executor.dispatch(*events)
    for event in events:
        await executor.outcome(event)

    first = (await client.get("/attempts", params={"run_id": "two", "limit": 1})).json()
    second = (await client.get("/attempts", params={"run_id": "two", "cursor": first["next_cursor"]})).json()
    by_task = (await client.get("/attempts", params={"task_id": "tsk_one"})).json()

    assert [attempt["id"] for attempt in first["data"] + second["data"]] == [e.attempt_id for e in events[1:]]
    assert second["next_cursor"] is None
    assert [attempt["id"] for attempt in by_task["data"]] == [events[0].attempt_id]


async def test_the_attempt_of_another_workspace_does_not_exist(
    executor: Executor, client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    event = dispatched(python("print('secret')"))
    await executor.dispatch(event)
    await executor.outcome(event)

    for path in (f"/attempts/{event.attempt_id}", f"/attempts/{event.attempt_id}/log"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-attempt")
        assert (await client.get(path)).status_code == 200
    assert (await stranger.get("/attempts", params={"run_id": event.run_id})).json()["data"] == []


async def test_what_was_never_performed_has_no_log(executor: Executor, client: httpx.AsyncClient) -> None:
    event = dispatched(python(""), dry_run=True)
    await executor.dispatch(event)
    await executor.outcome(event)

    answer = await client.get(f"/attempts/{event.attempt_id}/log")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-log")


async def test_the_policy_is_shown(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/policy")).json()

    assert "python3" in policy["tools"]
    assert policy["min_level"] == "L2"
    assert policy["level"] in ("L2", "L3")
    assert policy["cgroups"] in ("v1", "v2") or policy["cgroups"].startswith("none: ")
    assert policy["limits"]["output_bytes"] > 0


async def test_commands_are_checked_beforehand(client: httpx.AsyncClient) -> None:
    good, bad = {"argv": ["python3"], "tools": ["python3"]}, {"argv": ["curl"], "tools": ["curl"]}

    answer = await client.post("/policy/check", json={"commands": [good, bad]})

    [refusal] = answer.json()["refusals"]
    assert (refusal["index"], refusal["code"]) == (1, "tool-not-allowed")
    assert "curl" in refusal["detail"]


async def test_an_unknown_field_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/policy/check", json={"commands": [{"argv": ["a"], "shell": True}]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/commands/0/shell"


@pytest.mark.parametrize("path", [f"/artifacts/{DIGEST}", "/attempts", "/policy"])
async def test_nobody_without_a_token_is_answered(executor: Executor, path: str) -> None:
    transport = httpx.ASGITransport(app=executor.running.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://executor") as nobody:
        assert (await nobody.get(path)).status_code == 401
