"""Commands: one effect for each Idempotency-Key."""

import asyncio

import httpx
import pytest
from libs.chassis.tests.example.running import Example
from sqlalchemy import func, select

from orchestra.chassis.database.tables import IDEMPOTENCY


async def notes(http: httpx.AsyncClient) -> list[str]:
    """What was noted over HTTP; what was heard comes in its own time."""
    page = (await http.get("/notes", params={"limit": 500})).json()
    return [note["text"] for note in page["data"] if not note["text"].startswith("heard")]


async def take(http: httpx.AsyncClient, text: str, key: str | None = None) -> httpx.Response:
    return await http.post("/notes", json={"text": text}, headers={"idempotency-key": key} if key else {})


async def keys(example: Example) -> int:
    async with example.running.database.read() as view:
        return (await view.connection.execute(select(func.count()).select_from(IDEMPOTENCY))).scalar_one()


async def test_100_commands_with_one_key_have_one_effect_and_one_answer(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(take(http, "a", "key") for _ in range(100)))

    assert await notes(http) == ["a"]
    assert len({(answer.status_code, answer.content, answer.headers["location"]) for answer in answers}) == 1
    assert answers[0].status_code == 201
    assert sorted(answer.headers.get("idempotent-replayed", "false") for answer in answers) == ["false"] + ["true"] * 99


async def test_without_a_key_each_command_has_its_effect(http: httpx.AsyncClient) -> None:
    await take(http, "a")
    await take(http, "a")

    assert await notes(http) == ["a", "a"]


async def test_one_key_with_another_body_is_refused(http: httpx.AsyncClient) -> None:
    await take(http, "a", "key")
    refused = await take(http, "b", "key")

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert await notes(http) == ["a"]


@pytest.mark.parametrize(("text", "status"), [("refuse", 409), ("faults", 409), ("bug", 500)])
async def test_what_was_refused_or_failed_leaves_no_key(
    text: str, status: int, example: Example, http: httpx.AsyncClient
) -> None:
    assert (await take(http, text, "key")).status_code == status
    assert await keys(example) == 0

    assert (await take(http, "a", "key")).status_code == 201
    assert await notes(http) == ["a"]


async def test_a_key_is_the_workspace_s_and_the_route_s_own(example: Example, http: httpx.AsyncClient) -> None:
    async with example.client("wsp_2") as other:
        await take(http, "a", "key")
        await take(other, "b", "key")
    forgotten = await http.delete("/notes", headers={"idempotency-key": "key"})
    repeated = await http.delete("/notes", headers={"idempotency-key": "key"})

    assert [answer.status_code for answer in (forgotten, repeated)] == [204, 204]
    assert [answer.content for answer in (forgotten, repeated)] == [b"", b""]
    assert repeated.headers["idempotent-replayed"] == "true"
    assert await keys(example) == 3


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(key: str, http: httpx.AsyncClient) -> None:
    refused = await http.post("/notes", json={"text": "a"}, headers={"idempotency-key": key})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-idempotency-key")
    assert await notes(http) == []


async def test_the_effect_and_its_event_commit_together(example: Example, http: httpx.AsyncClient) -> None:
    await take(http, "a")
    await take(http, "refuse")

    async with asyncio.timeout(10):
        while len(heard := await all_notes(http)) < 2:
            await asyncio.sleep(0.01)
    assert heard == ["a", "heard: a"]


async def all_notes(http: httpx.AsyncClient) -> list[str]:
    return [note["text"] for note in (await http.get("/notes")).json()["data"]]
