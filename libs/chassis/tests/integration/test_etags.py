"""Edits under a condition: nobody's change is lost."""

import asyncio

import httpx
import pytest


@pytest.fixture
async def note(http: httpx.AsyncClient) -> str:
    """The path of a note that says `a`."""
    return (await http.post("/notes", json={"text": "a"})).headers["location"]


async def edit(http: httpx.AsyncClient, note: str, text: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.put(note, json={"text": text}, headers=named)


async def test_a_reader_who_has_it_gets_304_until_it_changes(http: httpx.AsyncClient, note: str) -> None:
    first = await http.get(note)
    again = await http.get(note, headers={"if-none-match": first.headers["etag"]})
    await edit(http, note, "b", if_match="*")
    changed = await http.get(note, headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (changed.status_code, changed.json()["text"]) == (200, "b")


async def test_an_edit_answers_with_the_tag_of_what_it_made(http: httpx.AsyncClient, note: str) -> None:
    made = await edit(http, note, "b", if_match=(await http.get(note)).headers["etag"])

    assert made.headers["etag"] == (await http.get(note)).headers["etag"]
    assert (await edit(http, note, "c", if_match=made.headers["etag"])).status_code == 200


async def test_an_edit_without_a_condition_is_refused(http: httpx.AsyncClient, note: str) -> None:
    refused = await edit(http, note, "b")

    assert (refused.status_code, refused.json()["code"]) == (428, "precondition-required")
    assert (await http.get(note)).json()["text"] == "a"


async def test_of_many_who_have_read_the_same_one_writes_and_the_others_are_told(
    http: httpx.AsyncClient, note: str
) -> None:
    tag = (await http.get(note)).headers["etag"]
    answers = await asyncio.gather(*(edit(http, note, f"by {n}", if_match=tag) for n in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    written = next(answer for answer in answers if answer.status_code == 200)
    assert (await http.get(note)).json() == written.json()
    for answer in answers:
        assert answer.headers["etag"] == written.headers["etag"]
        assert answer.status_code == 200 or answer.json()["code"] == "precondition-failed"


async def test_a_repetition_finds_its_answer_though_its_condition_no_longer_holds(
    http: httpx.AsyncClient, note: str
) -> None:
    tag = (await http.get(note)).headers["etag"]
    made = await edit(http, note, "b", if_match=tag, idempotency_key="key")
    repeated = await edit(http, note, "b", if_match=tag, idempotency_key="key")

    assert repeated.headers["idempotent-replayed"] == "true"
    assert (repeated.status_code, repeated.content) == (200, made.content)
    assert repeated.headers["etag"] == made.headers["etag"]


async def test_a_refused_edit_leaves_no_key(http: httpx.AsyncClient, note: str) -> None:
    refused = await edit(http, note, "b", if_match='"old"', idempotency_key="key")
    assert refused.status_code == 412

    assert (await edit(http, note, "b", if_match=refused.headers["etag"], idempotency_key="key")).status_code == 200
