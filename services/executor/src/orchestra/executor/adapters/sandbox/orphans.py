"""Ends what a command left on this machine when warden and keeper were killed at one instant. At an executor's start.

At level 3 a command's namespace goes with bubblewrap, which goes with its keeper. At level 2 only the command's first
process goes with the keeper: what that had started is found here, by its user or by its place.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.request import FIRST_USER, USERS

WARDEN = b"orchestra.executor.adapters.sandbox.warden"


def end_orphans(workspaces: Path) -> int:
    """How many there were. What descends from a living warden, whosever it is, is left alone.

    An orphan has the user that a workspace left there was given to, or works there, or was told to keep its temporary
    files there. Where the executor is not root, one that hides its place and its environment is not found.
    """
    users = {owner for path in workspaces.iterdir() if FIRST_USER <= (owner := path.stat().st_uid) < FIRST_USER + USERS}
    ended: set[int] = set()
    while found := set(_orphans(workspaces, users)) - _zombies():
        # All are stopped before any is killed: those killed one by one may start others meanwhile.
        number = signal.SIGKILL if found <= ended else signal.SIGSTOP
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        ended |= found
    return len(ended)


def _orphans(workspaces: Path, users: set[int]) -> Iterator[int]:
    parents = kernel.parents()
    kept = {pid for pid in parents if WARDEN in _read(pid, "cmdline")}
    place = str(workspaces.resolve())
    for pid in parents:
        if pid != os.getpid() and kept.isdisjoint(_line(parents, pid)) and _is_of(pid, place, users):
            yield pid


def _line(parents: dict[int, int], pid: int) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


def _is_of(pid: int, place: str, users: set[int]) -> bool:
    try:
        owner = Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError:
        return False
    if owner in users:
        return True
    commands = range(FIRST_USER, FIRST_USER + USERS) if os.getuid() == 0 else (os.getuid(),)
    if owner not in commands or not _is_confined(pid):
        return False
    here = ""
    with suppress(OSError):
        here = str(Path(f"/proc/{pid}/cwd").readlink())
    return here.startswith(f"{place}/") or f"\0TMPDIR={place}/".encode() in b"\0" + _read(pid, "environ")


def _is_confined(pid: int) -> bool:
    """By a filter of system calls, which every command has for ever, and a person's shell in that folder has not."""
    return b"\nSeccomp:\t2\n" in _read(pid, "status")


def _zombies() -> set[int]:
    """They have ended, and wait for whoever inherited them."""
    return {pid for pid in kernel.parents() if b") Z " in _read(pid, "stat")}


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
