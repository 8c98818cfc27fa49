"""Agents by the public API: registered, watched, and heard from outside, on both runtimes."""

from typing import Any
from uuid import uuid4

from tests.system import System, eventually

from orchestra.cli.api import Api


async def test_an_outside_agent_is_registered_gives_a_sign_of_life_and_the_feed_tells_of_it(
    system: System, api: Api
) -> None:
    name = f"scout-{uuid4().hex[:8]}"
    made = await api.put(f"/agents/{name}", {"outside": True, "kinds": ["research"]})
    key = await api.post("/api-keys", {"name": name, "grants": ["read"]})

    async with system.client(key["key"]) as outside:
        path, headers = f"/api/v1/agents/{name}/heartbeat", {"X-Agent-Token": made["token"]}
        refused = await outside.post(path, headers={"X-Agent-Token": "another"})
        beaten = await outside.post(path, headers=headers)
        changed = await outside.put(f"/api/v1/agents/{name}", json={"outside": False})

    assert (refused.status_code, refused.json()["code"]) == (401, "wrong-agent-token")
    assert (beaten.status_code, beaten.json()["state"]) == (200, "active")
    assert (changed.status_code, changed.json()["code"]) == (403, "not-granted")
    assert (await api.get(f"/agents/{name}"))["state"] == "active"
    await api.delete(f"/agents/{name}")
    assert await _told(api, name, 3) == [(None, "away"), ("away", "active"), ("active", "retired")]


async def _told(api: Api, name: str, number: int) -> list[tuple[str | None, str]]:
    async def told() -> list[dict[str, Any]]:
        items = await api.all("/feed")
        mine = [each["data"] for each in items if each["kind"] == "agent.status-changed.v1"]
        found = [each for each in mine if each["agent"] == name]
        return found if len(found) >= number else []

    return [(each["before"], each["state"]) for each in await eventually(told)]
