"""Who holds a lease: a process, named so that its own machine can tell whether it still lives."""

import os
import secrets
import socket
from functools import cache
from pathlib import Path

PROC = Path("/proc")


def this_process() -> str:
    """A name for one holder in this process; each call makes another."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_born(pid)}/{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """Whether the holder was a process of this machine that is no more; of another machine's nothing is known."""
    machine, pid, born, _ = owner.rsplit("/", 3)
    return machine == _machine() and _born(int(pid)) != born


@cache
def _machine() -> str:
    """Two containers may share the host's name and a process id, but not the space that process ids are counted in."""
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()}/{boot}/{(PROC / 'self/ns/pid').readlink()}"


def _born(pid: int) -> str | None:
    """Clock ticks from the machine's start to the process's, since ids are used again; None when it has ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold blanks and brackets
    return None if fields[0] in "ZX" else fields[19]
