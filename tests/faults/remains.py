"""What a run must not leave outside the databases: on the broker, in folders, among processes, mounts and sockets."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import aio_pika
from tests.system import System

from orchestra.contracts.catalog import bindings

BROKER = "ORCHESTRA_RABBITMQ_URL"
PROC = Path("/proc")


class Queue(NamedTuple):
    consumers: int
    messages: int
    """That nobody has been handed."""


def expected_queues() -> list[str]:
    """All that a distributed system has, by the catalog of who hears what."""
    heard = [f"{name}.{kind}.q1" for name, kinds in bindings().items() for kind in kinds]
    return [*heard, *(f"{name}.dead.q1" for name in bindings()), "gateway.inbound.q1"]


async def queues_of(system: System) -> Mapping[str, Queue]:
    """As the broker itself knows them; none where there is no broker."""
    url = next(iter(system.programs.values())).environment.get(BROKER)
    if url is None:
        return {}
    found: dict[str, Queue] = {}
    async with await aio_pika.connect(url, timeout=20) as connection:
        channel = await connection.channel()
        for name in expected_queues():
            queue = (await channel.declare_queue(name, passive=True)).declaration_result
            found[name] = Queue(queue.consumer_count or 0, queue.message_count or 0)
    return found


def remains_of(system: System) -> list[str]:
    """Workspaces and their logs, half-stored artifacts, sockets, mounts, and whatever process can reach a workspace."""
    folders = [system.workspaces / "workspaces", system.workspaces / "logs", system.artifacts / "incoming"]
    found = [f"{path} is left" for folder in folders if folder.exists() for path in folder.iterdir()]
    found += [f"{path} is a socket" for path in _files(system.workspaces.parent) if stat.S_ISSOCK(path.lstat().st_mode)]
    inside = f"{system.workspaces.resolve()}/"
    found += [f"it is mounted: {line}" for line in _mounts("self") if inside in line]
    return found + [f"process {process} can reach a workspace" for process in _processes(inside)]


def _files(folder: Path) -> Iterator[Path]:
    return (Path(place, name) for place, _, names in os.walk(folder) for name in names)


def _mounts(process: str) -> list[str]:
    return (PROC / process / "mountinfo").read_text().splitlines()


def _processes(inside: str) -> Iterator[str]:
    """By where they stand and what they have mounted: a sandboxed one has nothing else that tells whose it is."""
    ours = (PROC / "self/ns/mnt").readlink()
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):
            stands = f"{(process / 'cwd').readlink()}/".startswith(inside)
            caged = (process / "ns/mnt").readlink() != ours
            if stands or (caged and any(inside in line for line in _mounts(process.name))):
                yield f"{process.name} ({(process / 'comm').read_text().strip()})"
