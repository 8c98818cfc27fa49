"""The gateway as a whole: how it starts, and what it needs for that."""

import pytest
from services.gateway.tests.harness import BOOTSTRAP, gateway_running, settings_for

from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.settings import InvalidSettings, load
from orchestra.gateway.settings import GatewaySettings


async def test_the_bootstrap_key_is_printed_once_and_opens_everything(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(database_url, bootstrap_key=None)
    async with gateway_running(settings) as gateway:
        [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bootstrap key: ")]
        key = line.removeprefix("bootstrap key: ")
        me = (await gateway.client(key).get("/api/v1/me")).json()
    async with gateway_running(settings) as gateway:
        again = (await gateway.client(key).get("/api/v1/me")).json()

    assert key.startswith("ork_test_")
    assert me["grants"] == ["read", "write", "operator", "admin"]
    assert again == me
    assert "ork_" not in capsys.readouterr().out


async def test_a_given_bootstrap_key_is_never_printed(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with gateway_running(settings_for(database_url)) as gateway:
        assert (await gateway.client(BOOTSTRAP).get("/api/v1/me")).status_code == 200
    out, err = capsys.readouterr()
    assert BOOTSTRAP.rpartition("_")[2] not in out + err


async def test_readiness_names_the_gateways_own_checks(database_url: str) -> None:
    async with gateway_running(settings_for(database_url)) as gateway:
        report = (await gateway.client(None).get("/readyz")).json()

    assert report["ready"] is True
    assert {"database", "outbox", "loops"} <= set(report["checks"])


def test_wrong_settings_are_all_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_PLANNER_URL", "planner:8001")
    monkeypatch.setenv("ORCHESTRA_ENVIRONMENT", "My Laptop")
    monkeypatch.setenv("ORCHESTRA_BOOTSTRAP_KEY", "secret")

    with pytest.raises(InvalidSettings) as caught:
        load(GatewaySettings)

    for name in ("DATABASE_URL", "INTERNAL_PRIVATE_KEY", "PLANNER_URL", "ENVIRONMENT", "BOOTSTRAP_KEY"):
        assert f"ORCHESTRA_{name}" in str(caught.value)


def test_the_two_internal_keys_must_belong_together() -> None:
    with pytest.raises(ValueError, match="not the public half"):
        settings_for("sqlite+aiosqlite:///x", internal_public_key=TokenSigner(new_private_key()).public_key)


def test_a_private_key_must_be_one() -> None:
    with pytest.raises(ValueError, match="no Ed25519 key"):
        settings_for("sqlite+aiosqlite:///x", internal_private_key="x" * 44)
