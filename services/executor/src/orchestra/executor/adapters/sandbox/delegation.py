"""Finds where an executor may make the control groups of its commands, and takes that place.

Always below the group that the executor itself is in, so that whatever bounds the executor bounds its commands as well.
A lock on each folder says whether the executor that made it still lives, whatever namespace it counts processes in.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from orchestra.executor.adapters.sandbox.group import THIS_PROCESS, Place, Version, members, sweep, write

PROC = Path("/proc/self")
CONTROLLERS = ("memory", "pids")
_NAME = re.compile(r"orchestra-commands-[0-9a-f]{16}")
_LEAF = "executor"
_TRIES = 3


class NoGroups(Exception):
    """Control groups cannot be used here; the message says why."""


@dataclass
class Groups:
    """The groups of one executor's commands."""

    place: Place
    locks: list[int]
    left: str | None = None
    """The group that this process was in before, where it had to leave it (v2)."""

    def __post_init__(self) -> None:
        self._numbers = count(1)

    @property
    def version(self) -> Version:
        return self.place.version

    def another(self) -> Place:
        return self.place.below(str(next(self._numbers)))

    def close(self) -> None:
        """Nothing of any command is left then."""
        if self.left is not None:
            _go_back(self.left, self.place.memory)
        with suppress(OSError):
            sweep(self.place.folders)
        for lock in self.locks:
            os.close(lock)
        self.locks.clear()


def claim() -> Groups:
    """Raises NoGroups."""
    found = dict(_own_groups())
    v2 = found.get("")
    try:
        if v2 is not None and set(CONTROLLERS) <= _words(v2, "cgroup.controllers"):
            return _claim_v2(v2)
        if missing := [name for name in CONTROLLERS if name not in found]:
            raise NoGroups(f"no hierarchy with the controller {' or '.join(missing)} is in view")
        return _claim_v1(found["memory"], found["pids"])
    except OSError as fault:
        raise NoGroups(f"{fault.strerror}: {fault.filename}" if fault.filename else str(fault)) from fault


def _claim_v1(memory: str, pids: str) -> Groups:
    name = f"orchestra-commands-{secrets.token_hex(8)}"
    groups = Groups(Place("v1", memory, pids).below(name), [])
    try:
        groups.locks += map(_make_locked, groups.place.folders)
    except OSError:
        groups.close()
        raise
    return groups


def _claim_v2(own: str) -> Groups:
    """No process may be in a group that hands its controllers on: alone in it, this one goes into a leaf."""
    place = Place("v2", own, own).below(f"orchestra-commands-{secrets.token_hex(8)}")
    enable = " ".join(f"+{name}" for name in CONTROLLERS)
    ready = set(CONTROLLERS) <= _words(own, "cgroup.subtree_control")
    if not ready and (others := members(own) - {os.getpid()}):
        raise NoGroups(f"{own} has {len(others)} other processes: the executor needs a group of its own")
    groups = Groups(place, [])
    try:
        groups.locks.append(_make_locked(place.memory))
        if not ready:
            groups.left = own
            Path(place.memory, _LEAF).mkdir()
            write(f"{place.memory}/{_LEAF}", "cgroup.procs", THIS_PROCESS)
            write(own, "cgroup.subtree_control", enable)
        write(place.memory, "cgroup.subtree_control", enable)
    except OSError:
        groups.close()
        raise
    return groups


def _go_back(own: str, base: str) -> None:
    """A group that hands its controllers on takes no process."""
    disable = " ".join(f"-{name}" for name in CONTROLLERS)
    with suppress(OSError):
        write(base, "cgroup.subtree_control", disable)
        write(own, "cgroup.subtree_control", disable)
    with suppress(OSError):
        write(own, "cgroup.procs", THIS_PROCESS)


def _make_locked(folder: str) -> int:
    """Raises OSError. One who clears up may take it for left over before it is locked."""
    for _ in range(_TRIES):
        Path(folder).mkdir(exist_ok=True)
        with suppress(FileNotFoundError, BlockingIOError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if Path(folder).stat().st_ino == os.fstat(lock).st_ino:
                    return lock
            except OSError:
                os.close(lock)
                raise
            os.close(lock)
    raise OSError(f"{folder} was removed again and again")


def clear() -> int:
    """Ends and removes the groups of commands whose executor is dead; how many folders of executors there were."""
    cleared = 0
    for mount in dict.fromkeys(mount for mount, _ in _mounts().values()):
        for folder in _of_executors(mount):
            with suppress(OSError):  # somebody else clears it, or it is not ours to clear
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    sweep([folder])
                    cleared += 1
                finally:
                    os.close(lock)
    return cleared


def _of_executors(folder: str) -> Iterator[str]:
    for root, below, _ in os.walk(folder):
        yield from (f"{root}/{name}" for name in below if _NAME.fullmatch(name))
        below[:] = [name for name in below if not _NAME.fullmatch(name)]


def _own_groups() -> Iterator[tuple[str, str]]:
    """{controller: folder of the group that this process is in}; "" stands for v2, which has one for all."""
    mounts = _mounts()
    for line in (PROC / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            mount, root = mounts.get(name, ("", ""))
            if mount and ".." not in PurePosixPath(path).parts and PurePosixPath(path).is_relative_to(root):
                yield name, str(PurePosixPath(mount) / PurePosixPath(path).relative_to(root))


def _mounts() -> dict[str, tuple[str, str]]:
    """{controller: where its hierarchy is mounted, and from which group on}."""
    found: dict[str, tuple[str, str]] = {}
    for line in (PROC / "mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        root, mount = fields.split()[3:5]
        if kind == "cgroup2":
            found.setdefault("", (mount, root))
        elif kind == "cgroup":
            for name in set(CONTROLLERS) & set(options.split(",")):
                found.setdefault(name, (mount, root))
    return found


def _words(folder: str, name: str) -> set[str]:
    return set(Path(folder, name).read_text().split())
