"""Policies as files: TOML, read strictly, so that a word that means nothing is a fault and not a silence."""

import re
import tomllib
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestra.executor.domain import hosts, paths
from orchestra.executor.domain.policy import DEFAULT_TOOLS, PROTECTED, Level, Limits, Policy

MOST = 1_000_000
"""Bytes of a file."""
_OWN = ("/proc/", "/sys/", "/dev/", "/workspace/")
_SIZES = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class BadPolicy(Exception):
    """The file is no policy; `faults` say where and why, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def _size(value: Any) -> Any:
    """Bytes; `512 MiB` is a way to say so."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([0-9]{1,15}) ?([KMG]iB|B)?", value)
    if not found:
        raise ValueError("a size is bytes, or a text such as 512 MiB")
    return int(found[1]) * _SIZES[(found[2] or "").upper()]


def _tool(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}", value):
        raise ValueError(f"{value!r} is no name of a tool")
    return value


def _host(value: str) -> str:
    if fault := hosts.fault_of(value, rule=True):
        raise ValueError(f"{value!r} {fault}")
    return value


def _network(value: str) -> str:
    return str(ip_network(value))


def _protected(value: str) -> str:
    if fault := paths.fault_of(value):
        raise ValueError(f"{value!r} {fault}")
    return value


def _readable(value: str) -> str:
    if f"{value}/".startswith(_OWN):
        raise ValueError(f"{value!r} lies in what every command has of its own")
    if not value.startswith("/") or paths.fault_of(value.strip("/") or "."):
        raise ValueError(f"{value!r} is no absolute path of a file or folder")
    return value.rstrip("/")


Tool = Annotated[str, BeforeValidator(_tool)]
STRICT = ConfigDict(extra="forbid", strict=True)


Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class _Limits(BaseModel):
    """The fields of `Limits`; what is left out is as usual."""

    model_config = STRICT

    wall_s: Annotated[float, Field(gt=0)] = Limits.wall_s
    cpu_s: Count = Limits.cpu_s
    memory_bytes: Size = Limits.memory_bytes
    processes: Count = Limits.processes
    file_bytes: Size = Limits.file_bytes
    workspace_bytes: Size = Limits.workspace_bytes
    tmp_bytes: Size = Limits.tmp_bytes
    output_bytes: Size = Limits.output_bytes
    open_files: Count = Limits.open_files


class _Paths(BaseModel):
    model_config = STRICT

    readable: list[Annotated[str, BeforeValidator(_readable)]] = []
    protected: list[Annotated[str, BeforeValidator(_protected)]] = []


class _Network(BaseModel):
    model_config = STRICT

    hosts: list[Annotated[str, BeforeValidator(_host)]] = []
    networks: list[Annotated[str, BeforeValidator(_network)]] = []


class _File(BaseModel):
    model_config = STRICT

    min_level: Literal["L1", "L2", "L3"] = "L2"
    tools: list[Tool] | None = None
    more_tools: list[Tool] = []
    limits: _Limits = _Limits()
    paths: _Paths = _Paths()
    network: _Network = _Network()


def read_policy(path: Path) -> Policy:
    """Raises BadPolicy with every fault of the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadPolicy([f"it cannot be read: {error.strerror}"]) from error
    if len(content) > MOST:
        raise BadPolicy([f"it has {len(content)} bytes; at most {MOST} are read"])
    try:
        found = _File.model_validate(tomllib.loads(content.decode()))
    except UnicodeDecodeError as error:
        raise BadPolicy([f"it is no text in UTF-8 (byte {error.start})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy([f"it is no TOML: {error}"]) from error
    except ValidationError as error:
        raise BadPolicy([_sentence(each) for each in error.errors()]) from error
    return Policy(
        tools=(DEFAULT_TOOLS if found.tools is None else frozenset(found.tools)) | frozenset(found.more_tools),
        min_level=Level[found.min_level],
        limits=Limits(**found.limits.model_dump()),
        readable=tuple(dict.fromkeys(found.paths.readable)),
        protected=tuple(dict.fromkeys((*PROTECTED, *found.paths.protected))),
        hosts=tuple(dict.fromkeys(found.network.hosts)),
        networks=tuple(dict.fromkeys(found.network.networks)),
    )


def _sentence(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such field"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
