"""Keys of projects over HTTP, on both databases: written, used, tried, sealed anew, and never read."""

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from services.executor.tests.integration.harness import Executor
from services.executor.tests.integration.models.bench import MemoryMeter, MemoryRecorder, call
from sqlalchemy import select
from tests.standins import ModelStandIn, refuses, says

from orchestra.executor.adapters.models.vault import new_master_key
from orchestra.executor.adapters.tables import MODEL_KEY
from orchestra.executor.application.models.ports import Caller, ModelRefused, NoModel

CANARY = "sk-canary-9f8e7d6c5b4a39281706"
HOUSE = "sk-house-00112233445566778899"
MASTER = new_master_key(1)
PATH = "/projects/prj_1/model-keys/anthropic"


@pytest.fixture
async def provider() -> AsyncIterator[ModelStandIn]:
    async with ModelStandIn(keys=(CANARY, HOUSE)) as made:
        yield made


@pytest.fixture
def models_file(provider: ModelStandIn, tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(
        f"""
[providers.anthropic]
flavour = "anthropic"
url = "{provider.url}"
key_env = "TEST_HOUSE_KEY"
tries = 1

[models.sonnet]
provider = "anthropic"
id = "claude-sonnet-5"
tier = "large"
"""
    )
    return path


def executor_of(url: str, files: Path, models_file: Path, **settings: Any) -> Executor:
    known = {"models_file": models_file, "model_secret_keys": MASTER, "model_allowed_networks": "127.0.0.0/8"}
    return Executor(url, files, **(known | settings))


@pytest.fixture
async def executor(url: str, tmp_path: Path, models_file: Path) -> AsyncIterator[Executor]:
    async with executor_of(url, tmp_path, models_file).at_work() as running:
        yield running


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


def forms(secret: str) -> list[str]:
    """A secret as it may be hidden."""
    return [secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex(), quote(secret, safe="")]


async def ask(executor: Executor, project: str | None = "prj_1", workspace: str = "wsp_1") -> Any:
    models = await executor.running.app.state.models.open(MemoryMeter(), MemoryRecorder())
    try:
        return await models.ask(call(caller=Caller(workspace, "attempt", project_id=project)))
    finally:
        await models.clients.close()


async def test_a_key_is_set_used_and_taken_away(
    executor: Executor, client: httpx.AsyncClient, provider: ModelStandIn
) -> None:
    provider.script(says("yes"))
    put = await client.put(PATH, json={"key": CANARY})
    assert put.status_code == 200, put.text
    assert put.json()["last_used_at"] is None

    await ask(executor)

    assert provider.sent(CANARY)
    shown = (await client.get(PATH)).json()
    assert (shown["provider"], shown["key_version"]) == ("anthropic", 1)
    assert shown["last_used_at"] is not None
    assert (await client.get("/projects/prj_1/model-keys")).json() == {"data": [shown]}
    assert (await client.delete(PATH)).status_code == 204
    assert (await client.get(PATH)).json()["code"] == "unknown-key"
    with pytest.raises(NoModel, match="no key"):
        await ask(executor)


async def test_the_projects_key_goes_before_the_houses(
    executor: Executor, client: httpx.AsyncClient, provider: ModelStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_HOUSE_KEY", HOUSE)
    provider.otherwise = says("yes")
    await client.put(PATH, json={"key": CANARY})

    await ask(executor)
    with_own = provider.asked[-1].everything
    await ask(executor, project="prj_2")
    of_another_project = provider.asked[-1].everything
    await ask(executor, workspace="wsp_2")
    of_a_stranger = provider.asked[-1].everything

    assert CANARY in with_own
    assert HOUSE not in with_own
    assert HOUSE in of_another_project
    assert HOUSE in of_a_stranger


async def test_a_key_is_tried_out(client: httpx.AsyncClient, provider: ModelStandIn) -> None:
    await client.put(PATH, json={"key": CANARY})
    good = (await client.post(f"{PATH}/test")).json()
    await client.put(PATH, json={"key": "sk-wrong-0123456789"})
    bad = (await client.post(f"{PATH}/test")).json()

    assert good["ok"]
    assert "claude-sonnet-5" in good["models"]
    assert (bad["ok"], bad["detail"]) == (False, "it refuses the key (HTTP 401)")
    assert provider.asked == []


async def test_no_key_is_seen_anywhere(
    executor: Executor,
    client: httpx.AsyncClient,
    provider: ModelStandIn,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    provider.script(refuses(400))
    answers = [await client.put(PATH, json={"key": CANARY})]
    with pytest.raises(ModelRefused) as refused:
        await ask(executor)
    answers += [await client.get(path) for path in (PATH, "/projects/prj_1/model-keys", "/models", "/readyz")]
    answers.append(await client.post(f"{PATH}/test"))
    answers.append(await client.put(PATH, json={"key": CANARY, "more": 1}))
    answers.append(await client.put(PATH, json={"key": [CANARY]}))
    answers.append(await client.put(PATH, json={"key": CANARY * 50}))
    assert [answer.status_code for answer in answers[-3:]] == [422, 422, 422]
    async with executor.database.read() as view:
        [row] = (await view.connection.execute(select(MODEL_KEY))).all()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    out = capfd.readouterr()
    told = "\n".join([*(answer.text for answer in answers), repr(refused.value), out.out, out.err])
    stored = files.decode("latin-1") + repr(row) + repr(executor.settings)
    for form in forms(CANARY):
        assert form not in told
        assert form not in stored
    assert MASTER[2:] not in told + repr(executor.settings)


async def test_the_address_of_a_tenant_is_judged(client: httpx.AsyncClient, provider: ModelStandIn) -> None:
    for url in (
        "http://169.254.169.254/",
        "https://10.0.0.1",
        "http://user:x@127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
    ):
        answer = await client.put(PATH, json={"key": CANARY, "url": url})
        assert (answer.status_code, answer.json()["code"]) in [(422, "refused-address"), (422, "invalid-url")], url

    assert (await client.get(PATH)).status_code == 404
    assert provider.received == []


async def test_an_address_is_judged_again_at_every_request(
    url: str, tmp_path: Path, models_file: Path, provider: ModelStandIn
) -> None:
    """What was allowed when the key was set, or led elsewhere then, is refused now."""
    async with executor_of(url, tmp_path, models_file).at_work() as lenient, lenient.client() as client:
        put = await client.put(PATH, json={"key": CANARY, "url": provider.url})
        assert put.json()["url"] == provider.url
        provider.script(says("yes"))
        await ask(lenient)
    assert len(provider.asked) == 1

    async with executor_of(url, tmp_path, models_file, model_allowed_networks="").at_work() as strict:
        with pytest.raises(ModelRefused, match="no public address"):
            await ask(strict)
        async with strict.client() as client:
            tried = (await client.post(f"{PATH}/test")).json()

    assert not tried["ok"]
    assert len(provider.received) == 1


async def test_an_address_of_a_tenant_gets_nothing_of_the_house(
    executor: Executor, client: httpx.AsyncClient, provider: ModelStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_HOUSE_KEY", HOUSE)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-proxy: {HOUSE}\nAuthorization: Bearer {HOUSE}")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", HOUSE)
    provider.script(says("yes"))
    await client.put(PATH, json={"key": CANARY, "url": provider.url})

    await ask(executor)

    assert provider.sent(CANARY)
    assert not provider.sent(HOUSE)


async def test_keys_are_sealed_anew_by_a_new_master_key(
    url: str, tmp_path: Path, models_file: Path, provider: ModelStandIn
) -> None:
    async with executor_of(url, tmp_path, models_file).at_work() as first, first.client() as client:
        await client.put(PATH, json={"key": CANARY})
    second = new_master_key(2)
    async with executor_of(url, tmp_path, models_file, model_secret_keys=f"{second},{MASTER}").at_work() as both:
        await both.running.app.state.models.keys.reseal()
        async with both.client() as client:
            assert (await client.get(PATH)).json()["key_version"] == 2
    async with executor_of(url, tmp_path, models_file, model_secret_keys=second).at_work() as after:
        provider.script(says("yes"))
        await ask(after)

    assert provider.sent(CANARY)


async def test_without_a_master_key_no_key_is_kept(url: str, tmp_path: Path, models_file: Path) -> None:
    async with executor_of(url, tmp_path, models_file, model_secret_keys="").at_work() as one, one.client() as client:
        answer = await client.put(PATH, json={"key": CANARY})

    assert (answer.status_code, answer.json()["code"]) == (409, "no-master-key")
    assert re.search("ORCHESTRA_MODEL_SECRET_KEYS", answer.json()["detail"])


async def test_the_key_of_another_workspace_does_not_exist(executor: Executor, client: httpx.AsyncClient) -> None:
    await client.put(PATH, json={"key": CANARY})

    async with executor.client("wsp_2") as stranger:
        assert (await stranger.get(PATH)).status_code == 404
        assert (await stranger.post(f"{PATH}/test")).status_code == 404
        assert (await stranger.delete(PATH)).status_code == 404
        assert (await stranger.get("/projects/prj_1/model-keys")).json() == {"data": []}


async def test_a_provider_that_nobody_configured_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.put("/projects/prj_1/model-keys/nobody", json={"key": CANARY})

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-provider")


async def test_models_are_shown_with_price_and_health(
    url: str, tmp_path: Path, models_file: Path, provider: ModelStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_HOUSE_KEY", HOUSE)
    async with executor_of(url, tmp_path, models_file).at_work() as running, running.client() as client:
        monitor = running.running.app.state.models.monitor
        await monitor.step()
        [well] = (await client.get("/models")).json()["data"]
        provider.away = True
        await monitor.step()
        [away] = (await client.get("/models")).json()["data"]
        ready = await client.get("/readyz")

    assert (well["name"], well["available"], well["input_micros"], well["key"]) == ("sonnet", True, 2_000_000, "house")
    assert (away["available"], away["detail"]) == (False, "it answers HTTP 503")
    assert ready.status_code == 200
    assert ready.json()["checks"]["models"] == {"ok": False, "reason": "anthropic: it answers HTTP 503"}


def test_an_executor_that_starts_loads_no_library_of_a_provider() -> None:
    import subprocess
    import sys

    loaded = "import sys, orchestra.executor.service; print([m for m in sys.modules if m.split('.')[0] in "
    libraries = "('anthropic', 'openai', 'pydantic_ai', 'genai_prices', 'httpx2', 'limits', 'purgatory')])"
    done = subprocess.run([sys.executable, "-c", loaded + libraries], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
