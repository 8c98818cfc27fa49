"""The few system calls that Python does not wrap. Linux, x86_64 and aarch64."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47

CAP_DAC_READ_SEARCH = 2
_NO_SETUID_FIXUP = 1 << 2

_SETNS = {"x86_64": 308, "aarch64": 268}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_libc = ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    return os.uname().machine


def prctl(option: int, *arguments: int) -> None:
    _checked(_libc.prctl(option, *(ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4])))


def syscall(number: int, *arguments: int) -> int:
    """Pointers are passed as addresses; whoever calls keeps what they point to alive."""
    return _checked(_libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(value) for value in arguments)))


def setns(namespace: int) -> None:
    """This process goes into the namespace, given by a descriptor."""
    syscall(_SETNS[machine()], namespace, 0)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilitySets(ctypes.Structure):
    """Bits 0-31 of the three sets, then bits 32-63."""

    _fields_ = [("low", ctypes.c_uint32 * 3), ("high", ctypes.c_uint32 * 3)]


def become(uid: int | None, keep: int | None = None) -> None:
    """Takes the user and group `uid` (None: stay who we are) and gives up every capability but the one to `keep`."""
    if keep is not None:
        # Leaves capabilities alone when users change; else access(2), which looks as the real user, would not count it.
        prctl(PR_SET_SECUREBITS, _NO_SETUID_FIXUP)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kept = 0 if keep is None else 1 << keep
    header = _CapabilityHeader(0x20080522, 0)
    sets = _CapabilitySets((ctypes.c_uint32 * 3)(kept, kept, kept))
    syscall(_CAPSET[machine()], ctypes.addressof(header), ctypes.addressof(sets))
    prctl(PR_CAP_AMBIENT, 4)  # clear all
    if keep is not None:
        prctl(PR_CAP_AMBIENT, 2, keep)  # raise


def die_with(parent: int) -> None:
    """This process is killed when `parent` ends, even if that was already before this call.

    To be called after the last change of user, which would undo it.
    """
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(127)


def children(pid: int) -> list[int]:
    """Direct children of all threads of `pid`; none when it is gone. May miss one while another ends."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_bytes().split())
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def parents() -> dict[int, int]:
    """The parent of every process on this machine. Misses none, and takes its time."""
    found: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            after_name = status.read_text().rpartition(")")[2].split()
            found[int(status.parent.name)] = int(after_name[1])
    return found


def descendants(pid: int) -> Iterator[int]:
    pending = children(pid)
    while pending:
        found = pending.pop()
        yield found
        pending += children(found)
