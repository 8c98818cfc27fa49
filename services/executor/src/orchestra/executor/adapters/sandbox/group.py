"""The control group of one command: what the kernel keeps for all of its processes together, and ends together.

The same steps over the files of both versions. v1 has a folder of the group in each of two hierarchies, v2 has one.
"""

import errno
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Version = Literal["v1", "v2"]
THIS_PROCESS = 0
ENDS_WITHIN_S = 5.0
"""A killed process is gone by then, or hangs in the kernel."""

_NEARLY = 2**20
"""Bytes: a page of whatever size that was still wanted."""


@dataclass(frozen=True)
class Files:
    """What the files of a version are called, and what is written to them besides."""

    memory: str
    swap: str
    """Of kernels that count it: v1 counts both together, v2 each alone."""
    peak: str
    """Bytes, files' pages included, from Linux 5.19 on in v2."""
    events: str
    """Has a line `oom_kill`: how many of the group's processes were killed for want of memory, whoever lacked it."""


FILES: dict[Version, Files] = {
    "v1": Files(
        "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"
    ),
    "v2": Files("memory.max", "memory.swap.max", "memory.peak", "memory.events"),
}


@dataclass(frozen=True)
class Place:
    """Where a group is, or is to be made: its folders in the hierarchies of two controllers, one and the same in v2."""

    version: Version
    memory: str
    pids: str

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.memory, self.pids)))

    def below(self, name: str) -> "Place":
        return Place(self.version, f"{self.memory}/{name}", f"{self.pids}/{name}")


class Group:
    """A command for which there is no place has a group of no folders: nothing is kept for it, nothing counted."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self.folders = place.folders if place else ()

    def make(self, memory_bytes: int, processes: int) -> None:
        """Raises OSError; what was made by then is removed by `remove`."""
        if self._place is None:
            return
        self._memory_bytes = memory_bytes
        for folder in self.folders:
            Path(folder).mkdir()
        version, memory, files = self._place.version, self._place.memory, FILES[self._place.version]
        write(memory, files.memory, memory_bytes)
        with suppress(FileNotFoundError):
            write(memory, files.swap, memory_bytes if version == "v1" else 0)
        if version == "v2":
            write(memory, "memory.oom.group", 1)
        write(self._place.pids, "pids.max", processes)

    def add(self, pid: int) -> None:
        """With it, all that it starts from then on. Raises OSError."""
        for folder in self.folders:
            write(folder, "cgroup.procs", pid)

    def ran_out_of_memory(self) -> bool:
        """Whether a process was killed because the group had used up its own memory, and not the machine all of its."""
        if self._place is None:
            return False
        memory, version = self._place.memory, self._place.version
        counts = dict(line.split() for line in _read(memory, FILES[version].events).splitlines())
        if int(counts["oom_kill"]) == 0:
            return False
        # v1 has a count of what was refused, that does not count on every kernel.
        return int(counts["oom"]) > 0 if version == "v2" else self.peak_kb() * 1024 > self._memory_bytes - _NEARLY

    def peak_kb(self) -> int:
        """0 where nobody counts it."""
        if self._place is None:
            return 0
        try:
            return int(_read(self._place.memory, FILES[self._place.version].peak)) // 1024
        except FileNotFoundError:
            return 0

    def kill(self) -> None:
        """All of it: in one step where the kernel has one, else once it can start nothing more."""
        with suppress(FileNotFoundError):
            if self._place is not None and members(self._place.pids):  # empty once, it stays so
                _kill(self._place.pids)

    def remove(self) -> None:
        remove(self.folders)


def remove(folders: Sequence[str]) -> None:
    """Kills what is left in these groups, and removes them; one whose processes hang in the kernel is left."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    for folder in folders:
        while not _removed(folder) and time.monotonic() < deadline:
            _kill(folder)
            time.sleep(0.001)


def sweep(folders: Sequence[str]) -> None:
    """Removes folders in which an executor had the groups of its commands, with those that are left there."""
    for folder in folders:
        with suppress(FileNotFoundError):
            remove([entry.path for entry in os.scandir(folder) if entry.is_dir() and entry.name.isdigit()])
            for entry in os.scandir(folder):
                if entry.is_dir():
                    _removed(entry.path)
        _removed(folder)


def members(folder: str) -> set[int]:
    """Processes there, zombies excepted; 0 is one that cannot be seen from here."""
    return set(map(int, _read(folder, "cgroup.procs").split()))


def write(folder: str, name: str, value: int | str) -> None:
    """Never makes the file. Raises OSError."""
    fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, f"{value}".encode())
    finally:
        os.close(fd)


def _removed(folder: str) -> bool:
    try:
        Path(folder).rmdir()
    except FileNotFoundError:
        return True
    except OSError as fault:
        if fault.errno != errno.EBUSY:
            raise
        return False
    return True


def _kill(folder: str) -> None:
    try:
        write(folder, "cgroup.kill", 1)
    except FileNotFoundError:
        _kill_one_by_one(folder)


def _kill_one_by_one(folder: str) -> None:
    with suppress(FileNotFoundError):
        write(folder, "pids.max", 0)
    held: dict[int, int] = {}
    try:
        for pid in members(folder) - {0}:
            with suppress(ProcessLookupError):
                held[pid] = os.pidfd_open(pid)
        for pid in members(folder) & set(held):  # not another's, that was given the number meanwhile
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(held[pid], signal.SIGKILL)
    except FileNotFoundError:  # the group itself is gone
        return
    finally:
        for fd in held.values():
            os.close(fd)


def _read(folder: str, name: str) -> str:
    fd, found = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC), b""
    try:
        while part := os.read(fd, 65536):
            found += part
    finally:
        os.close(fd)
    return found.decode()
