"""What is known of a project over HTTP, on both databases; that of another workspace does not exist."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.executor.tests.integration.harness import Executor
from services.executor.tests.integration.knowledge.store import AGENT, HERE

from orchestra.executor.application.knowledge.learn import learn

PATH = "/projects/prj_1/knowledge"
GOTCHA = {"kind": "gotcha", "text": "The tide table is in UTC."}


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    async with Executor(url, tmp_path).at_work() as running:
        yield running


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


async def pages(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    seen, cursor = [], None
    while True:
        answer = await client.get(PATH, params={**params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        seen += answer.json()["data"]
        if (cursor := answer.json()["next_cursor"]) is None:
            return seen


async def test_a_person_adds_finds_and_removes(client: httpx.AsyncClient) -> None:
    added = await client.post(PATH, json={"kind": "gotcha", "text": " The tide\n table is in UTC. "})

    assert added.status_code == 201, added.text
    shown = added.json()
    assert {name: value for name, value in shown.items() if value is not None and name not in ("id", "at")} == {
        **GOTCHA,
        "person": "tester",
    }
    assert added.headers["location"] == f"{PATH}/{shown['id']}"
    assert (await client.get(added.headers["location"])).json() == shown
    assert (await client.get(PATH)).json() == {"data": [shown], "next_cursor": None}
    assert (await client.get(PATH, params={"q": "tide"})).json()["data"] == [{**shown, "place": 1}]

    assert (await client.delete(f"{PATH}/{shown['id']}")).status_code == 204
    for answer in (await client.delete(f"{PATH}/{shown['id']}"), await client.get(f"{PATH}/{shown['id']}")):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-finding")
    assert (await client.get(PATH)).json()["data"] == []


async def test_what_is_known_is_not_added_twice_and_a_repetition_is_the_same_command(
    client: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = await client.post(PATH, json=GOTCHA, headers=key), await client.post(PATH, json=GOTCHA, headers=key)
    twice = await client.post(PATH, json={"kind": "decision", "text": "the tide table is in utc"})

    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert (twice.status_code, twice.json()["code"]) == (409, "finding-known")
    assert first.json()["id"] in twice.json()["detail"]


async def test_a_removal_is_repeated_by_its_key_too(client: httpx.AsyncClient) -> None:
    path = f"{PATH}/{(await client.post(PATH, json=GOTCHA)).json()['id']}"

    answers = [await client.delete(path, headers={"Idempotency-Key": "gone"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "gotcha", "text": " ... "}, "bad-finding"),
        ({"kind": "gotcha", "text": "\u0000"}, "bad-finding"),
        ({"kind": "gotcha", "text": ""}, "invalid-request"),
        ({"kind": "gotcha", "text": "x" * 1001}, "invalid-request"),
        ({"kind": "rumour", "text": "x"}, "invalid-request"),
        ({"kind": "gotcha", "text": "x", "agent": "scout"}, "invalid-request"),
        ({"text": "x"}, "invalid-request"),
    ],
)
async def test_what_is_no_finding_is_refused(client: httpx.AsyncClient, body: dict[str, Any], code: str) -> None:
    answer = await client.post(PATH, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_lists_and_searches_go_in_pages(executor: Executor, client: httpx.AsyncClient) -> None:
    told = [("gotcha" if number % 2 else "decision", f"The tide of day {number}") for number in range(7)]
    async with executor.database.begin() as work:
        await learn(work, HERE, AGENT, told)

    every, searched = await pages(client, limit=3), await pages(client, limit=3, q="tide day")
    gotchas = await pages(client, limit=2, kind="gotcha")

    assert [each["text"] for each in every] == [text for _, text in reversed(told)]
    assert [each["place"] for each in searched] == [1, 2, 3, 4, 5, 6, 7]
    assert {each["id"] for each in searched} == {each["id"] for each in every}
    assert [each["text"] for each in gotchas] == ["The tide of day 5", "The tide of day 3", "The tide of day 1"]
    assert {(each["agent"], each["task_key"], each["attempt_id"], each["person"]) for each in every} == {
        ("scout", "draw-map", "att_1", None)
    }


@pytest.mark.parametrize(("mine", "theirs"), [({}, {"q": "tide"}), ({"q": "tide"}, {})])
async def test_a_cursor_of_another_list_is_refused(
    client: httpx.AsyncClient, mine: dict[str, str], theirs: dict[str, str]
) -> None:
    for number in range(2):
        await client.post(PATH, json={"kind": "gotcha", "text": f"tide {number}"})
    cursor = (await client.get(PATH, params={"limit": 1, **mine})).json()["next_cursor"]

    answer = await client.get(PATH, params={"cursor": cursor, **theirs})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-cursor")


@pytest.mark.parametrize("question", ['"', "tide AND", "NEAR(", "\x00", "%", "*", "a" * 500])
async def test_any_text_may_be_asked(client: httpx.AsyncClient, question: str) -> None:
    answer = await client.get(PATH, params={"q": question})

    assert (answer.status_code, answer.json()["data"]) == (200, [])
    assert (await client.get(PATH, params={"q": "x" * 501})).status_code == 422


async def test_the_knowledge_of_another_workspace_or_project_does_not_exist(
    executor: Executor, client: httpx.AsyncClient
) -> None:
    finding = (await client.post(PATH, json=GOTCHA)).json()["id"]

    async with executor.client("wsp_2") as stranger:
        assert (await stranger.get(PATH, params={"q": "tide"})).json()["data"] == []
        assert (await stranger.get(PATH)).json()["data"] == []
        assert (await stranger.get(f"{PATH}/{finding}")).status_code == 404
        assert (await stranger.delete(f"{PATH}/{finding}")).status_code == 404
        assert (await stranger.post(PATH, json=GOTCHA)).status_code == 201
    other = f"/projects/prj_2/knowledge/{finding}"
    assert (await client.get(other)).status_code == 404
    assert (await client.delete(other)).status_code == 404
    assert len(await pages(client)) == 1
