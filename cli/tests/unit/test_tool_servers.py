"""`orchestra tools` at a home of its own, and a server of tools that stands in."""

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
from tests.standins.mcp_server import McpStandIn
from tests.system import CLI

from orchestra.cli import projects, tool_servers
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings

CANARY = "tok-canary-0123456789abcdef"


async def test_a_server_is_set_with_a_token_tried_listed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = CliSettings(home=tmp_path / "home")
    monkeypatch.setenv("ORCHESTRA_TOOL_ALLOWED_NETWORKS", "127.0.0.0/8")
    async with McpStandIn(token=CANARY) as server:
        await tool_servers.ls(settings, None, as_json=False)
        without_any = capsys.readouterr()
        await projects.create(settings, "guide", "", as_json=True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(CANARY + "\n"))
        await tool_servers.set_server(settings, None, "weather", server.endpoint, with_token=True)
        capsys.readouterr()
        tried = await tool_servers.test(settings, None, "weather", as_json=False)
        told = capsys.readouterr()
        await tool_servers.ls(settings, None, as_json=True)
        listed = capsys.readouterr()
        await tool_servers.set_server(settings, None, "weather", server.endpoint, with_token=False)
        refused = await tool_servers.test(settings, None, "weather", as_json=True)
        removed = await tool_servers.remove(settings, None, "weather")

    assert (tried, refused, removed) == (Exit.OK, Exit.FAILED, Exit.OK)
    assert "no servers of tools" in without_any.out + without_any.err
    assert "weather: it answers; 3 tools" in told.out + told.err
    assert "mcp:weather/tides" in told.out
    [shown] = json.loads(listed.out)
    assert (shown["name"], shown["of"], shown["has_token"]) == ("mcp:weather", "the project", True)
    assert CANARY not in "".join(each.out + each.err for each in (told, listed))


async def test_the_operators_servers_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "servers.toml"
    file.write_text('[servers.local]\ncommand = ["true"]\n')
    monkeypatch.setenv("ORCHESTRA_TOOL_SERVERS_FILE", str(file))

    await tool_servers.ls(CliSettings(home=tmp_path / "home"), None, as_json=True)

    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["of"], shown["available"]) == ("mcp:local", "the operator", True)


async def test_no_token_is_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(Stop, match="standard input"):
        await tool_servers.set_server(
            CliSettings(home=tmp_path), None, "weather", "https://example.org", with_token=True
        )


async def test_help_loads_no_library_of_the_protocol() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "importtime",
        *CLI[1:],
        "tools",
        "--help",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, imports = await process.communicate()

    assert b"typer" in imports
    assert b" mcp" not in imports
