"""The operator's file of servers: what it means, and every fault with its place."""

import json
import sys
from pathlib import Path

import pytest

from orchestra.executor.adapters.agents.servers.servers_file import BadServers, read_servers
from orchestra.executor.domain.agents.pictures import BUILT_IN

ENVIRONMENT = {"PATH": str(Path(sys.executable).parent), "TOKEN": "sk-0123456789", "KEY": "k-0123456789", "ODD": "a\nb"}
GOOD = """
[servers.files]
command = ["python3", "-m", "files"]
env = { MODE = "read" }
env_from = ["KEY", "PATH"]
folder = "within"
away = 5
timeout = 7.5

[servers.weather]
url = "https://weather.example.org/mcp/"
token_env = "TOKEN"
headers = { X-Key = "KEY" }

[comfyui]
url = "http://127.0.0.1:8188/"
checkpoint = "small.safetensors"
width = 512
"""


def read(folder: Path, text: str) -> object:
    path = folder / "servers.toml"
    path.write_text(text)
    return read_servers(path, ENVIRONMENT)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadServers) as bad:
        read(folder, text)
    return list(bad.value.faults)


def test_what_a_file_means(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(GOOD)

    declared = read_servers(tmp_path / "servers.toml", ENVIRONMENT)

    files, weather = declared.servers["files"], declared.servers["weather"]
    assert Path(files.command[0]).is_absolute()
    assert Path(files.command[0]).name == "python3"
    assert files.command[1:] == ("-m", "files")
    assert files.environment == {"KEY": "k-0123456789", "PATH": ENVIRONMENT["PATH"], "MODE": "read"}
    assert (files.folder, files.away_s, files.timeout_s, files.url) == (tmp_path / "within", 5, 7.5, "")
    assert weather.url == "https://weather.example.org/mcp"
    assert weather.headers == {"X-Key": "k-0123456789", "Authorization": "Bearer sk-0123456789"}
    assert not weather.tenants
    assert (weather.away_s, weather.timeout_s) == (60, 120)
    assert declared.comfyui is not None
    assert (declared.comfyui.url, declared.comfyui.width) == ("http://127.0.0.1:8188", 512)
    assert declared.comfyui.graph == BUILT_IN
    assert "0123456789" not in repr(declared)


def test_an_empty_file_names_none(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text("")

    declared = read_servers(tmp_path / "servers.toml", ENVIRONMENT)

    assert (declared.servers, declared.comfyui) == ({}, None)


def test_a_graph_of_ones_own(tmp_path: Path) -> None:
    graph = {"1": {"class_type": "Any", "inputs": {"text": "{prompt}"}}}
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    (tmp_path / "servers.toml").write_text('[comfyui]\nurl = "http://127.0.0.1:8188"\ntemplate = "graph.json"')

    declared = read_servers(tmp_path / "servers.toml", ENVIRONMENT)

    assert declared.comfyui is not None
    assert declared.comfyui.graph == graph


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[servers.a]", "servers.a: a server has a command or a url"),
        ('[servers.a]\nurl = "https://a.org"\ncommand = ["python3"]', "servers.a: a server has a command or a url"),
        ('[servers.a]\nurl = "https://a.org"\nport = 1', "servers.a.port: there is no such field"),
        ('[servers.a]\nurl = "https://me:pw@a.org"', "servers.a.url: "),
        ('[servers.a]\nurl = "file:///etc"', "servers.a.url: "),
        ('[servers.a]\nurl = "https://a.org"\nenv = { A = "b" }', "env, env_from and folder are for a command"),
        ('[servers.a]\ncommand = ["python3"]\ntoken_env = "KEY"', "headers and token_env are for a url"),
        ('[servers.a]\ncommand = ["nowhere-1"]', "servers.a.command: there is no program nowhere-1"),
        ("[servers.a]\ncommand = []", "servers.a.command: "),
        ('[servers.a]\ncommand = ["python3"]\nenv_from = ["NONE"]', "the environment has no NONE"),
        ('[servers.a]\nurl = "https://a.org"\ntoken_env = "ODD"', "ODD holds what no header can"),
        ('[servers.a]\nurl = "https://a.org"\nheaders = { X = "lower case" }', "servers.a.headers.X"),
        ('[servers.a]\nurl = "https://a.org"\naway = 0', "servers.a.away: "),
        ('[servers."A b"]\nurl = "https://a.org"', "servers.A b: "),
        ('[comfyui]\nurl = "http://127.0.0.1:8188"', "comfyui.checkpoint: the graph needs the name of a checkpoint"),
        ('[comfyui]\nurl = "http://127.0.0.1"\ncheckpoint = "a"\nwidth = 65', "comfyui.width: "),
        ('[comfyui]\nurl = "http://127.0.0.1"\ntemplate = "none.json"', "comfyui.template: it cannot be read"),
        ('[comfyui]\nurl = "http://127.0.0.1"\ntemplate = "servers.toml"', "comfyui.template: it is no JSON"),
        ("[servers.a", "it is no TOML"),
        ("a = \xff", "it is no text in UTF-8"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "servers.toml"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(BadServers) as bad:
        read_servers(path, ENVIRONMENT)

    assert any(fault in each for each in bad.value.faults), bad.value.faults
    assert "0123456789" not in str(bad.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, '[servers.a]\n[servers.b]\nurl = "https://b.org"\ntoken_env = "NONE"')

    assert len(found) == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadServers, match="cannot be read"):
        read_servers(tmp_path / "nowhere.toml", ENVIRONMENT)
