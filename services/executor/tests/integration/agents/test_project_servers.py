"""Servers of tools of projects over HTTP, on both databases: set, used, tried, sealed anew; no token is ever read."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp_types import Tool
from services.executor.tests.integration.agents.reaching import KEY, assignment_at
from services.executor.tests.integration.agents.test_images import write
from services.executor.tests.integration.harness import Executor
from services.executor.tests.integration.models.test_keys import forms
from sqlalchemy import select, update
from tests.standins.comfyui import ComfyStandIn
from tests.standins.mcp_server import TOOLS, McpStandIn

from orchestra.chassis.settings import InvalidSettings
from orchestra.executor.adapters.agents.servers.tables import TOOL_SERVER
from orchestra.executor.adapters.agents.tool_desk import ToolDesk
from orchestra.executor.adapters.models.vault import new_master_key
from orchestra.executor.application.agents.ports import Tool as AgentTool
from orchestra.executor.application.agents.ports import ToolAway
from orchestra.executor.application.models.ports import Models
from orchestra.executor.domain.models.routing import Routes

CANARY = "tok-canary-9f8e7d6c5b4a39281706"
HOUSE = "tok-house-00112233445566778899"
MASTER = new_master_key(1)
PATH = "/projects/prj_1/tool-servers/weather"


@pytest.fixture
async def server() -> AsyncIterator[McpStandIn]:
    async with McpStandIn(token=CANARY) as made:
        yield made


def executor_of(url: str, files: Path, **settings: Any) -> Executor:
    known = {"model_secret_keys": MASTER, "tool_allowed_networks": "127.0.0.0/8"}
    return Executor(url, files, **(known | settings))


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    async with executor_of(url, tmp_path).at_work() as running:
        yield running


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


def desk_of(executor: Executor) -> ToolDesk:
    return executor.running.app.state.tools


async def no_models() -> Models:
    raise AssertionError("no model is asked here")


async def tools_of(executor: Executor, *wanted: str, **fields: Any) -> Sequence[AgentTool]:
    boxes = desk_of(executor).toolboxes(no_models, Routes(), write)
    own = assignment_at(Path("workspace"), *wanted, **fields)
    return [tool for box in boxes for tool in await box.tools(own, wanted)]


async def test_a_server_is_set_used_and_taken_away(
    executor: Executor, client: httpx.AsyncClient, server: McpStandIn
) -> None:
    put = await client.put(PATH, json={"url": server.endpoint + "/", "token": CANARY})
    assert put.status_code == 200, put.text
    assert put.json() | {"set_at": ""} == {
        "name": "weather",
        "url": server.endpoint,
        "has_token": True,
        "key_version": 1,
        "set_at": "",
        "last_used_at": None,
    }

    [tool] = await tools_of(executor, "mcp:weather/tides")
    assert (await tool.perform({"place": "Faro"}, KEY)).text == "tides: Faro at 6:12"

    shown = (await client.get(PATH)).json()
    assert shown["last_used_at"] is not None
    assert (await client.get("/projects/prj_1/tool-servers")).json() == {"data": [shown]}
    assert (await client.delete(PATH)).status_code == 204
    assert (await client.get(PATH)).json()["code"] == "unknown-tool-server"
    assert (await client.delete(PATH)).status_code == 404


async def test_a_server_without_a_token(executor: Executor, client: httpx.AsyncClient) -> None:
    async with McpStandIn() as server:
        first = await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
        second = await client.put(PATH, json={"url": server.endpoint})
        [tool] = await tools_of(executor, "mcp:weather/tides")
        await tool.perform({"place": "Faro"}, KEY)

    assert (first.json()["has_token"], second.json()["has_token"]) == (True, False)
    assert not any(CANARY in each for each in server.received)


async def test_a_server_is_tried_out(client: httpx.AsyncClient, server: McpStandIn) -> None:
    server.tools = TOOLS
    await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
    good = (await client.post(f"{PATH}/test")).json()
    await client.put(PATH, json={"url": server.endpoint, "token": "tok-wrong-0123456789"})
    bad = (await client.post(f"{PATH}/test")).json()
    missing = await client.post("/projects/prj_1/tool-servers/harbour/test")

    assert (good["ok"], good["detail"], good["left_out"]) == (True, "it answers; 3 tools", [])
    assert [(t["name"], t["effect"], t["repeatable"]) for t in good["tools"]] == [
        ("mcp:weather/book", "outside", False),
        ("mcp:weather/mark", "outside", True),
        ("mcp:weather/tides", "none", True),
    ]
    assert (bad["ok"], bad["detail"], bad["tools"]) == (False, "it refuses the token (HTTP 401)", [])
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown-tool-server")


async def test_what_is_left_out_is_told(client: httpx.AsyncClient) -> None:
    odd = [Tool(name="odd", input_schema={"type": "object", "properties": {"a b": {}}}), *TOOLS]
    async with McpStandIn(tools=odd) as server:
        await client.put(PATH, json={"url": server.endpoint})
        tried = (await client.post(f"{PATH}/test")).json()

    assert tried["left_out"] == ["'odd': no argument can be called 'a b'"]
    assert len(tried["tools"]) == 3


async def test_no_token_is_seen_anywhere(
    executor: Executor,
    client: httpx.AsyncClient,
    server: McpStandIn,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    answers = [await client.put(PATH, json={"url": server.endpoint, "token": CANARY})]
    [tool] = await tools_of(executor, "mcp:weather/tides")
    server.only_calls, server.status, server.instead = True, 400, CANARY.encode()
    with pytest.raises(ToolAway) as away:
        await tool.perform({"place": "Faro"}, KEY)
    server.status = 200  # and that is no JSON
    nonsense = await tool.perform({"place": "Faro"}, KEY)
    answers += [await client.get(path) for path in (PATH, "/projects/prj_1/tool-servers", "/tool-servers", "/readyz")]
    answers.append(await client.post(f"{PATH}/test"))
    answers.append(await client.put(PATH, json={"url": server.endpoint, "token": CANARY, "more": 1}))
    answers.append(await client.put(PATH, json={"url": server.endpoint, "token": [CANARY]}))
    answers.append(await client.put(PATH, json={"url": server.endpoint, "token": CANARY * 200}))
    assert [answer.status_code for answer in answers[-3:]] == [422, 422, 422]
    async with executor.database.read() as view:
        [row] = (await view.connection.execute(select(TOOL_SERVER))).all()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    out = capfd.readouterr()
    said = [repr(away.value), repr(nonsense), out.out, out.err, caplog.text]
    told = "\n".join([*(answer.text for answer in answers), *said])
    stored = files.decode("latin-1") + repr(row) + repr(executor.settings)
    for form in forms(CANARY):
        assert form not in told
        assert form not in stored


async def test_the_address_is_judged(client: httpx.AsyncClient, server: McpStandIn) -> None:
    for url in (
        "http://169.254.169.254/mcp",
        "https://10.0.0.1/mcp",
        "http://user:x@127.0.0.1/mcp",
        "https://[::ffff:10.0.0.1]/mcp",
        "http://0x7f000001/mcp",
        "ftp://127.0.0.1/",
    ):
        answer = await client.put(PATH, json={"url": url, "token": CANARY})
        assert (answer.status_code, answer.json()["code"]) in [(422, "refused-address"), (422, "invalid-url")], url

    assert (await client.get(PATH)).status_code == 404
    assert server.received == []


async def test_the_address_is_judged_again_at_every_connection(url: str, tmp_path: Path, server: McpStandIn) -> None:
    async with executor_of(url, tmp_path).at_work() as lenient, lenient.client() as client:
        await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
    async with executor_of(url, tmp_path, tool_allowed_networks="").at_work() as strict, strict.client() as client:
        tried = (await client.post(f"{PATH}/test")).json()

    assert not tried["ok"]
    assert "no public address" in tried["detail"]
    assert server.received == []


async def test_a_token_that_is_moved_to_another_address_is_not_sent_there(
    executor: Executor, client: httpx.AsyncClient, server: McpStandIn
) -> None:
    await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
    async with McpStandIn() as elsewhere:
        async with executor.database.begin() as work:
            await work.connection.execute(update(TOOL_SERVER).values(url=elsewhere.endpoint))
        with pytest.raises(ToolAway, match=r"altered|opened|sealed"):
            await tools_of(executor, "mcp:weather")

    assert elsewhere.received == []


async def test_tokens_are_sealed_anew_by_a_new_master_key(url: str, tmp_path: Path, server: McpStandIn) -> None:
    async with executor_of(url, tmp_path).at_work() as first, first.client() as client:
        await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
        await client.put(PATH.replace("weather", "open"), json={"url": server.endpoint})
    second = new_master_key(2)
    async with executor_of(url, tmp_path, model_secret_keys=f"{second},{MASTER}").at_work() as both:
        await desk_of(both).known.reseal()
        async with both.client() as client:
            assert (await client.get(PATH)).json()["key_version"] == 2
    async with executor_of(url, tmp_path, model_secret_keys=second).at_work() as after, after.client() as client:
        assert (await client.post(f"{PATH}/test")).json()["ok"]


async def test_without_a_master_key_no_token_is_kept(url: str, tmp_path: Path, server: McpStandIn) -> None:
    async with executor_of(url, tmp_path, model_secret_keys="").at_work() as one, one.client() as client:
        refused = await client.put(PATH, json={"url": server.endpoint, "token": CANARY})
        plain = await client.put(PATH, json={"url": server.endpoint})

    assert (refused.status_code, refused.json()["code"]) == (409, "no-master-key")
    assert re.search("ORCHESTRA_MODEL_SECRET_KEYS", refused.json()["detail"])
    assert plain.status_code == 200


async def test_the_server_of_another_workspace_does_not_exist(
    executor: Executor, client: httpx.AsyncClient, server: McpStandIn
) -> None:
    await client.put(PATH, json={"url": server.endpoint, "token": CANARY})

    async with executor.client("wsp_2") as stranger:
        assert (await stranger.get(PATH)).status_code == 404
        assert (await stranger.post(f"{PATH}/test")).status_code == 404
        assert (await stranger.delete(PATH)).status_code == 404
        assert (await stranger.get("/projects/prj_1/tool-servers")).json() == {"data": []}
    for name in ("Weather", "a b", "-a", "a" * 65):
        assert (await client.put(f"/projects/prj_1/tool-servers/{name}", json={"url": server.url})).status_code == 422


async def test_a_project_has_a_bounded_number_of_servers(client: httpx.AsyncClient, server: McpStandIn) -> None:
    for number in range(32):
        path = f"/projects/prj_1/tool-servers/s{number}"
        assert (await client.put(path, json={"url": server.endpoint})).status_code == 200

    one_more = await client.put(PATH, json={"url": server.endpoint})
    same = await client.put("/projects/prj_1/tool-servers/s1", json={"url": server.endpoint})
    another = await client.put("/projects/prj_2/tool-servers/weather", json={"url": server.endpoint})

    assert (one_more.status_code, one_more.json()["code"]) == (409, "too-many-tool-servers")
    assert (same.status_code, another.status_code) == (200, 200)


async def test_the_operators_servers_are_shown_watched_and_stand_behind_a_projects(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOKEN", HOUSE)
    async with McpStandIn(token=HOUSE) as house, McpStandIn(token=CANARY) as own, ComfyStandIn() as comfyui:
        file = tmp_path / "servers.toml"
        file.write_text(
            f'[servers.weather]\nurl = "{house.endpoint}"\ntoken_env = "TEST_TOKEN"\n'
            '[servers.local]\ncommand = ["true"]\n'
            f'[comfyui]\nurl = "{comfyui.url}"\ncheckpoint = "small.safetensors"\n'
        )
        async with executor_of(url, tmp_path, tool_servers_file=file).at_work() as running, running.client() as client:
            monitor = desk_of(running).monitor
            await monitor.step()
            well = (await client.get("/tool-servers")).json()["data"]
            of_house = await tools_of(running, "mcp:weather", "generate_image")
            await of_house[-1].perform({"place": "Faro"}, KEY)
            await client.put(PATH, json={"url": own.endpoint, "token": CANARY})
            of_project = await tools_of(running, "mcp:weather/tides", conversation="cnv_2")
            await of_project[0].perform({"place": "Faro"}, KEY)
            comfyui.away, house.status = True, 503
            await monitor.step()
            away = (await client.get("/tool-servers")).json()["data"]
            ready = await client.get("/readyz")
            with pytest.raises(ToolAway, match="comfyui: it answers HTTP 503"):
                await tools_of(running, "generate_image")

    assert [(each["name"], each["available"], each["detail"]) for each in well] == [
        ("mcp:local", True, "its program is there"),
        ("mcp:weather", True, "it answers"),
        ("comfyui", True, "it answers"),
    ]
    assert [each["available"] for each in away] == [True, False, False]
    assert len(of_house) == 4
    assert (len(house.called), len(own.called)) == (1, 1)
    assert ready.status_code == 200
    assert ready.json()["checks"]["tools"] == {
        "ok": False,
        "reason": "mcp:weather: it answers HTTP 503; comfyui: it answers HTTP 503",
    }
    assert house.url not in str(well)


def test_a_wrong_file_keeps_the_executor_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text("[servers.weather]\nport = 1\n")
    executor = executor_of(f"sqlite+aiosqlite:///{tmp_path}/executor.db", tmp_path, tool_servers_file=file)

    with pytest.raises(InvalidSettings, match=r"servers.weather.port: there is no such field"):
        _ = executor.settings.declared_servers


def test_an_executor_that_starts_loads_no_library_of_the_protocol() -> None:
    import subprocess
    import sys

    loaded = "import sys, orchestra.executor.service; print([m for m in sys.modules if m.split('.')[0] in "
    libraries = "('mcp', 'mcp_types', 'httpx2', 'sse_starlette')])"
    done = subprocess.run([sys.executable, "-c", loaded + libraries], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
