"""The registry over HTTP, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.executor.tests.integration.agents.bench import lease, work_for
from services.executor.tests.integration.harness import Executor
from sqlalchemy import select

from orchestra.chassis.database.tables import IDEMPOTENCY
from orchestra.contracts.agents import AgentStatusChanged
from orchestra.executor.adapters.agents.tables import AGENT
from orchestra.executor.application.agents.registry_ports import Learned

MODELS = """
[providers.local]
flavour = "openai"
url = "http://127.0.0.1:9"
[models.mini]
provider = "local"
id = "mini"
tier = "small"
"""


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    models = tmp_path / "models.toml"
    models.write_text(MODELS)
    async with Executor(url, tmp_path / "files", models_file=models).at_work() as executor:
        yield executor


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


async def told(executor: Executor) -> list[tuple[str, str]]:
    events = [each.event for each in await executor.published()]
    return [(event.agent, event.state) for event in events if isinstance(event, AgentStatusChanged)]


async def test_a_new_workspace_has_the_house(client: httpx.AsyncClient) -> None:
    page = (await client.get("/agents")).json()

    [house] = page["data"]
    assert page["next_cursor"] is None
    assert (house["name"], house["built_in"], house["state"], house["standing"]) == (
        "house",
        True,
        "active",
        "newcomer",
    )
    assert (house["results"]["success"], house["results"]["quality"]) == (None, None)
    assert (await client.get("/agents/house")).json() == {**house, "by_kind": {}}
    assert (await client.get("/agents/coder")).json()["code"] == "unknown-agent"


async def test_an_agent_is_registered_and_changed_field_by_field(executor: Executor, client: httpx.AsyncClient) -> None:
    body = {
        "type": "implementer",
        "kinds": ["code"],
        "capabilities": ["Python", "C++"],
        "model": "mini",
        "tools": ["read_file", "mcp:maps"],
        "concurrency": 3,
    }
    made = (await client.put("/agents/coder", json=body)).json()

    assert {name: made[name] for name in body} == body | {
        "capabilities": ["c++", "python"],
        "tools": ["mcp:maps", "read_file"],
    }
    assert (made["token"], made["state"], made["built_in"]) == (None, "active", False)
    changed = (await client.put("/agents/coder", json={"tools": None, "kinds": None})).json()
    assert (changed["tools"], len(changed["kinds"]), changed["concurrency"]) == (None, 6, 3)
    assert [each["name"] for each in (await client.get("/agents")).json()["data"]] == ["coder"]
    assert await told(executor) == [("coder", "active")]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("any", {}, "reserved-name"),
        ("No", {}, "invalid-request"),
        ("coder", {"concurrency": 0}, "invalid-request"),
        ("coder", {"concurrency": 1001}, "invalid-request"),
        ("coder", {"concurrency": "3"}, "invalid-request"),
        ("coder", {"kinds": []}, "invalid-request"),
        ("coder", {"kinds": ["cooking"]}, "invalid-request"),
        ("coder", {"tools": ["rm"]}, "invalid-request"),
        ("coder", {"capabilities": ["two words"]}, "invalid-request"),
        ("coder", {"capabilities": [""]}, "invalid-request"),
        ("coder", {"type": None}, "invalid-request"),
        ("coder", {"type": "two words"}, "invalid-request"),
        ("coder", {"state": "paused"}, "invalid-request"),
        ("coder", {"model": "maxi"}, "unknown-model"),
    ],
)
async def test_what_is_wrong_is_said(client: httpx.AsyncClient, name: str, body: dict[str, Any], code: str) -> None:
    answer = await client.put(f"/agents/{name}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert (await client.get("/agents")).json()["data"][0]["built_in"]


async def test_models_are_named_by_tier_or_as_they_are_configured(client: httpx.AsyncClient) -> None:
    for model in ("local", "small", "large", "mini"):
        assert (await client.put("/agents/coder", json={"model": model})).json()["model"] == model


async def test_pages_go_through_all(client: httpx.AsyncClient) -> None:
    for name in ("bob", "ada", "cyd"):
        await client.put(f"/agents/{name}", json={})

    first = (await client.get("/agents", params={"limit": 2})).json()
    rest = (await client.get("/agents", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [each["name"] for each in first["data"] + rest["data"]] == ["ada", "bob", "cyd"]
    assert rest["next_cursor"] is None


async def test_an_agent_is_paused_resumed_and_retired(executor: Executor, client: httpx.AsyncClient) -> None:
    await client.put("/agents/coder", json={})
    states = [(await client.post(f"/agents/coder/{verb}")).json()["state"] for verb in ("pause", "pause", "resume")]
    states.append((await client.delete("/agents/coder")).json()["state"])

    assert states == ["paused", "paused", "active", "retired"]
    for verb in ("pause", "resume"):
        refused = await client.post(f"/agents/coder/{verb}")
        assert (refused.status_code, refused.json()["code"]) == (409, "agent-retired")
        assert (await client.post(f"/agents/nobody/{verb}")).status_code == 404
    assert (await client.delete("/agents/coder")).json()["state"] == "retired"
    assert (await client.delete("/agents/nobody")).status_code == 404
    assert (await client.put("/agents/coder", json={})).json()["state"] == "active"
    assert await told(executor) == [("coder", state) for state in ("active", "paused", "active", "retired", "active")]


async def test_what_was_measured_and_what_it_holds_is_shown(executor: Executor, client: httpx.AsyncClient) -> None:
    await client.put("/agents/coder", json={"concurrency": 4})
    async with executor.database.begin() as work:
        outcomes = [*["done"] * 3, "partial", "failed", "gaps"]
        await work.registry.learn(*(Learned("wsp_1", "coder", "code", each, 100, 2000) for each in outcomes))
        await work.registry.learn(Learned("wsp_1", "coder", "asset", "done", 5, 10))
    async with executor.database.begin() as work:
        await work.attempts.accept([(work_for("coder"), None)])
        await work.registry.assign(await work.attempts.claim(lease(work), slots=1, kind="agent"))

    answer = await client.get("/agents/coder")
    shown = answer.json()
    assert shown["load"] == {"held": 1, "concurrency": 4, "level": "optimal"}
    assert shown["standing"] == "trainee"
    assert shown["results"] == {
        "done": 4,
        "partial": 1,
        "failed": 1,
        "gaps": 1,
        "success": round(4.5 / 7, 4),
        "quality": round(4.5 / 6, 4),
        "cost_micros": 605,
        "duration_ms": 12010,
    }
    assert (shown["by_kind"]["asset"]["done"], shown["by_kind"]["code"]["failed"]) == (1, 1)
    same = await client.get("/agents/coder", headers={"if-none-match": answer.headers["etag"]})
    assert same.status_code == 304


async def test_an_outside_agent_proves_itself_by_a_token_that_is_shown_once(
    executor: Executor, client: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "once"}
    made = (await client.put("/agents/scout", json={"outside": True}, headers=headers)).json()
    again = await client.put("/agents/scout", json={"outside": True}, headers=headers)
    later = (await client.put("/agents/scout", json={"concurrency": 2})).json()

    token = made["token"]
    assert len(token) > 40
    assert (made["state"], again.json()["token"], later["token"]) == ("away", None, None)
    assert again.headers["idempotent-replayed"] == "true"
    async with executor.database.read() as view:
        kept = [str(tuple(row)) for t in (AGENT, IDEMPOTENCY) for row in await view.connection.execute(select(t))]
    assert kept
    assert not any(token in row for row in kept)
    beat = await client.post("/agents/scout/heartbeat", headers={"X-Agent-Token": token})
    assert beat.json() == {"state": "active", "every_s": 30.0, "away_after_s": 90.0}
    assert (await client.get("/agents/scout")).json()["last_heartbeat_at"]
    assert await told(executor) == [("scout", "away"), ("scout", "active")]


async def test_without_its_token_nobody_speaks_for_an_agent(client: httpx.AsyncClient) -> None:
    token = (await client.put("/agents/scout", json={"outside": True})).json()["token"]
    await client.put("/agents/inside", json={})

    async def beat(name: str, headers: dict[str, str]) -> tuple[int, str]:
        answer = await client.post(f"/agents/{name}/heartbeat", headers=headers)
        return answer.status_code, answer.json().get("code", "")

    assert await beat("scout", {}) == (401, "wrong-agent-token")
    assert await beat("scout", {"X-Agent-Token": token[:-1]}) == (401, "wrong-agent-token")
    assert await beat("inside", {"X-Agent-Token": token}) == (409, "not-outside")
    assert await beat("nobody", {"X-Agent-Token": token}) == (404, "unknown-agent")
    renewed = (await client.put("/agents/scout", json={"new_token": True})).json()["token"]
    assert await beat("scout", {"X-Agent-Token": token}) == (401, "wrong-agent-token")
    assert await beat("scout", {"X-Agent-Token": renewed}) == (200, "")


async def test_the_agents_of_another_workspace_do_not_exist(executor: Executor, client: httpx.AsyncClient) -> None:
    token = (await client.put("/agents/scout", json={"outside": True})).json()["token"]

    async with executor.client("wsp_2") as stranger:
        assert [each["name"] for each in (await stranger.get("/agents")).json()["data"]] == ["house"]
        assert (await stranger.get("/agents/scout")).status_code == 404
        beat = await stranger.post("/agents/scout/heartbeat", headers={"X-Agent-Token": token})
        assert beat.status_code == 404


async def test_the_loop_finds_those_that_have_fallen_silent(executor: Executor, client: httpx.AsyncClient) -> None:
    token = (await client.put("/agents/scout", json={"outside": True})).json()["token"]
    await client.post("/agents/scout/heartbeat", headers={"X-Agent-Token": token})
    async with executor.database.begin() as work:  # as if it had been a while ago
        earlier = work.now - timedelta(minutes=2)
        await work.connection.execute(AGENT.update().values(heartbeat_at=earlier))

    [loop] = [each for each in executor.running.room.loops if each.name == "absences"]
    await loop.step()

    assert (await client.get("/agents/scout")).json()["state"] == "away"
    assert await told(executor) == [("scout", "away"), ("scout", "active"), ("scout", "away")]
