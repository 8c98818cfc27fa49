"""The operator's servers of tools, as a file: TOML, read strictly, so that a word that means nothing is a fault."""

import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from orchestra.executor.adapters.agents.comfyui import ComfySettings
from orchestra.executor.adapters.agents.servers.access import AWAY_S, TIMEOUT_S, Access
from orchestra.executor.domain.agents.pictures import BUILT_IN, faults_of, names_checkpoint

MOST = 1_000_000
"""Bytes of a file, and of a graph."""
STRICT = ConfigDict(extra="forbid", frozen=True)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=500)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
Side = Annotated[int, Field(ge=64, le=2048, multiple_of=8)]


class BadServers(Exception):
    """The file is no list of servers; `faults` say where and why, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Declared:
    """What the operator has configured."""

    servers: Mapping[str, Access] = field(default_factory=dict[str, Access])
    comfyui: ComfySettings | None = None


class _Reached(BaseModel):
    model_config = STRICT

    headers: dict[Header, Variable] = {}
    """The variable of the environment that holds each header's value."""
    away: Annotated[float, Field(ge=1, le=3600)] = AWAY_S


class _Server(_Reached):
    command: Annotated[list[Text], Field(min_length=1, max_length=200)] | None = None
    env: dict[Variable, str] = {}
    env_from: list[Variable] = []
    folder: Path | None = None
    url: Url | None = None
    token_env: Variable | None = None
    timeout: Annotated[float, Field(ge=1, le=3600)] = TIMEOUT_S


class _ComfyUI(_Reached):
    url: Url
    template: Path | None = None
    checkpoint: Text | None = None
    width: Side = ComfySettings.width
    height: Side = ComfySettings.height
    timeout: Annotated[float, Field(ge=1, le=7200)] = ComfySettings.timeout_s


class _File(BaseModel):
    model_config = STRICT

    servers: dict[Name, _Server] = {}
    comfyui: _ComfyUI | None = None


def read_servers(path: Path, environment: Mapping[str, str]) -> Declared:
    """Raises BadServers with every fault of the file, and of what it names."""
    try:
        found = _File.model_validate(tomllib.loads(_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise BadServers([f"it is no TOML: {error}"]) from error
    except ValidationError as error:
        raise BadServers([_sentence(each) for each in error.errors()]) from error
    reader = _Reader(path.parent, environment)
    servers = {name: reader.server(name, server) for name, server in found.servers.items()}
    comfyui = reader.comfyui(found.comfyui) if found.comfyui is not None else None
    if reader.faults:
        raise BadServers(reader.faults)
    return Declared(servers, comfyui)


class _Reader:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.faults: list[str] = []

    def server(self, name: str, server: _Server) -> Access:
        place = f"servers.{name}"
        if (server.command is None) == (server.url is None):
            self.faults.append(f"{place}: a server has a command or a url")
        if server.command is None and (server.env or server.env_from or server.folder):
            self.faults.append(f"{place}: env, env_from and folder are for a command")
        if server.command is not None and (server.headers or server.token_env):
            self.faults.append(f"{place}: headers and token_env are for a url")
        headers = self._headers(place, server.headers)
        if server.token_env:
            headers["Authorization"] = f"Bearer {self._sendable(f'{place}.token_env', server.token_env)}"
        passed = {each: self._variable(f"{place}.env_from", each) for each in server.env_from}
        return Access(
            name,
            self._command(place, server.command),
            {**passed, **server.env},
            None if server.folder is None else self._folder / server.folder,
            (server.url or "").rstrip("/"),
            headers,
            away_s=server.away,
            timeout_s=server.timeout,
        )

    def comfyui(self, given: _ComfyUI) -> ComfySettings:
        graph = BUILT_IN if given.template is None else self._graph(self._folder / given.template)
        if given.checkpoint is None and names_checkpoint(graph):
            self.faults.append("comfyui.checkpoint: the graph needs the name of a checkpoint")
        return ComfySettings(
            given.url.rstrip("/"),
            graph,
            given.checkpoint or "",
            self._headers("comfyui", given.headers),
            given.width,
            given.height,
            given.away,
            given.timeout,
        )

    def _graph(self, path: Path) -> Mapping[str, Any]:
        try:
            graph = json.loads(_text(path))
        except BadServers as bad:
            self.faults += [f"comfyui.template: {fault}" for fault in bad.faults]
        except ValueError as error:
            self.faults.append(f"comfyui.template: it is no JSON: {error}")
        else:
            faults = faults_of(graph)
            self.faults += [f"comfyui.template: {fault}" for fault in faults]
            return {} if faults else graph
        return {}

    def _command(self, place: str, command: Sequence[str] | None) -> tuple[str, ...]:
        """The program by its path: its own environment need not name where programs are."""
        if command is None:
            return ()
        program = command[0] if "/" not in command[0] else str(self._folder / command[0])
        if (found := shutil.which(program, path=self._environment.get("PATH"))) is None:
            self.faults.append(f"{place}.command: there is no program {command[0]}")
            return ()
        return (str(Path(found).absolute()), *command[1:])

    def _headers(self, place: str, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._sendable(f"{place}.headers.{name}", variable) for name, variable in headers.items()}

    def _sendable(self, place: str, name: str) -> str:
        value = self._variable(place, name)
        if not value.isascii() or not value.isprintable():
            self.faults.append(f"{place}: {name} holds what no header can")
        return value

    def _variable(self, place: str, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            self.faults.append(f"{place}: the environment has no {name}")
            return ""
        return value


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadServers([f"it cannot be read: {error.strerror}"]) from error
    if len(content) > MOST:
        raise BadServers([f"it has {len(content)} bytes; at most {MOST} are read"])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadServers([f"it is no text in UTF-8 (byte {error.start})"]) from error


def _sentence(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such field"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
