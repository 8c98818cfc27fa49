"""The embedded host: five services, one process, one home."""

import json
import stat
from pathlib import Path

import pytest

from orchestra.embedded.host import HomeInUse, HostOptions, host


async def test_all_services_are_ready_and_the_owner_has_a_key(tmp_path: Path) -> None:
    async with host(HostOptions(tmp_path / "home")) as made:
        assert (await made.client.get("/readyz")).status_code == 200
        system = (await made.client.get("/api/v1/system")).json()
        assert system["ready"]
        assert set(system["services"]) == {"gateway", "planner", "scheduler", "executor", "notifier"}
    credentials = tmp_path / "home" / "credentials"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert json.loads(credentials.read_text())["api_key"].startswith("ork_local_")


async def test_a_home_seals_model_keys_by_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHESTRA_MODEL_SECRET_KEYS", raising=False)
    async with host(HostOptions(tmp_path)) as made:
        project = (await made.client.post("/api/v1/projects", json={"name": "guide"})).json()
        path = f"/api/v1/projects/{project['id']}/model-keys/anthropic"
        put = await made.client.put(path, json={"key": "sk-canary-0123456789"})
        assert put.status_code == 200, put.text
        assert (await made.client.get("/api/v1/models")).json()["data"]
    async with host(HostOptions(tmp_path)) as again:
        assert (await again.client.get(path)).json()["key_version"] == 1
        assert (await again.client.delete(path)).status_code == 204
    master = tmp_path / "model-secret-keys"
    assert stat.S_IMODE(master.stat().st_mode) == 0o600
    assert b"sk-canary" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


async def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    options = HostOptions(tmp_path)
    async with host(options) as made:
        project = (await made.client.post("/api/v1/projects", json={"name": "guide"})).json()
    async with host(options) as again:
        assert (await again.client.get(f"/api/v1/projects/{project['id']}")).json() == project


async def test_a_home_has_one_host_at_a_time(tmp_path: Path) -> None:
    async with host(HostOptions(tmp_path)):
        with pytest.raises(HomeInUse):
            async with host(HostOptions(tmp_path)):
                raise AssertionError("two hosts in one home")


async def test_nothing_is_answered_without_a_key(tmp_path: Path) -> None:
    async with host(HostOptions(tmp_path)) as made:
        answer = await made.client.get("/api/v1/projects", headers={"Authorization": ""})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


async def test_servers_named_in_the_environment_do_not_concern_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_RABBITMQ_URL", "amqp://nowhere.invalid/")
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", "redis://nowhere.invalid/")
    async with host(HostOptions(tmp_path)) as made:
        assert (await made.client.get("/readyz")).status_code == 200


async def test_webhooks_go_to_this_machine_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = {"url": "http://127.0.0.1:9/hook", "kinds": ["run.finished"]}
    inside = {"url": "https://10.0.0.1/hook", "kinds": ["run.finished"]}
    async with host(HostOptions(tmp_path)) as made:
        assert (await made.client.post("/api/v1/webhooks", json=local)).status_code == 201
        assert (await made.client.post("/api/v1/webhooks", json=inside)).status_code == 422
    monkeypatch.setenv("ORCHESTRA_WEBHOOK_ALLOWED_NETWORKS", "")
    async with host(HostOptions(tmp_path)) as made:
        refused = await made.client.post("/api/v1/webhooks", json=local)
        assert (refused.status_code, refused.json()["code"]) == (422, "refused-address")
