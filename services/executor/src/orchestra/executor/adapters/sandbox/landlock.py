"""The cage of level L2: landlock, seccomp and, where the executor is root, a user of the command's own.

Landlock decides on every opening of a file, TCP, abstract sockets and signals. It says nothing about other sockets,
System V and POSIX queues, or modes and times of files; `seccomp` closes these.

What commands miss here and have at L3: /proc, /tmp by that name, semaphores by name (Python's process pools), sockets
among themselves; and where the executor is not root, changing modes and times by path (`git init`, `tar -x`).
"""

import ctypes
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.sandbox import fork, kernel, seccomp, tools
from orchestra.executor.adapters.sandbox.group import THIS_PROCESS, Group
from orchestra.executor.adapters.sandbox.request import Request, limit_process
from orchestra.executor.adapters.sandbox.tools import SETTINGS

OLDEST_ABI = 6
"""Linux 6.12: the first that keeps signals inside, without which a command could end its keeper."""

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_TRUNCATE = 1 << 14
_ALL_FILES = (1 << 16) - 1
_MAKE_DEVICE = 1 << 6 | 1 << 11  # character and block devices
_IOCTL_DEVICE = 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ_AND_RUN = _EXECUTE | _READ_FILE | _READ_DIR
_OWN = _ALL_FILES & ~_MAKE_DEVICE & ~_IOCTL_DEVICE
_ALL_TCP = 0b11
_SCOPE_SIGNALS = 0b10
_SCOPE_ALL = 0b11  # abstract Unix sockets too
_DEVICES = {
    "/dev/null": _READ_FILE | _WRITE_FILE | _TRUNCATE,
    "/dev/zero": _READ_FILE | _WRITE_FILE,
    "/dev/full": _READ_FILE | _WRITE_FILE,
    "/dev/random": _READ_FILE,
    "/dev/urandom": _READ_FILE,
}


def abi() -> int:
    """The version of landlock that the kernel offers, 0 for none."""
    try:
        return kernel.syscall(_CREATE, 0, 0, 1)
    except OSError:
        return 0


class LandlockCage:
    """What a keeper does to run one command at level L2."""

    processes = 0

    def __init__(self, request: Request, group: Group) -> None:
        self._request = request
        self._group = group
        self._keeper = os.getpid()
        tree.give(request.workspace, request.user)
        tree.make_own_folder(request.tmp, request.user)
        self._scope_keeper()
        passed = (Path(request.workspace).parent, *map(Path, request.shown))
        closed = request.user is not None and not all(map(tools.open_to_all, passed))
        # Folders above the workspace or the interpreter may be closed to the command's user, such as /root or a
        # private temporary folder. Landlock still decides what may be read; to pass through takes this capability.
        self._keep = kernel.CAP_DAC_READ_SEARCH if closed else None
        shared_user = request.user is None
        self._processes = request.processes_of_user + (_tasks_of_this_user() if shared_user else 0)
        self._filter = seccomp.program(seccomp.Filter(shared_machine=True, shared_user=shared_user))

    @staticmethod
    def _scope_keeper() -> None:
        """From here on this keeper can signal what it starts and nothing else, and what it starts cannot signal it.

        So `kill(-1)` ends exactly the command's processes, all in one step that no fork can slip through.
        """
        if not _is_scoped():  # by an earlier command: rules are for ever, and every layer of them costs
            _enforce(_ruleset(0, 0, _SCOPE_SIGNALS, {}))
        if not _is_scoped():
            raise OSError("landlock does not confine signals")

    def start(self, output: int) -> int:
        return fork.start(self._enter, output)

    def _enter(self) -> None:
        request = self._request
        self._group.add(THIS_PROCESS)
        os.chdir(request.workspace)
        limit_process(0, request.limits, self._processes)
        rights = dict.fromkeys((*request.shown, *SETTINGS), _READ_AND_RUN) | _DEVICES
        rights |= dict.fromkeys((request.workspace, request.tmp), _OWN)
        # Rules name files by descriptors, so they are opened before the user that may pass there is given up.
        ruleset = _ruleset(_ALL_FILES, _ALL_TCP, _SCOPE_ALL, rights)
        kernel.become(request.user, self._keep)
        _enforce(ruleset)
        kernel.die_with(self._keeper)
        seccomp.install(self._filter)
        os.execve(request.argv[0], request.argv, request.environment)  # noqa: S606 - no shell is the point

    def started(self, to_proxy: int | None) -> None:
        """Nothing is left to do: the command runs, and landlock cannot tell hosts apart."""

    def signal(self, number: int) -> bool:
        """To every process of the command at once."""
        try:
            os.kill(-1, number)
        except (ProcessLookupError, PermissionError):  # nothing is left that may be signalled
            return False
        return True

    def end(self) -> None:
        self.signal(9)

    def exit_code(self, status: int) -> int:
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def tidy(self) -> None:
        tree.remove(self._request.tmp)


def _is_scoped() -> bool:
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    return False


def _enforce(ruleset: int) -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _ruleset(files: int, tcp: int, scope: int, rights: dict[str, int]) -> int:
    handled = (ctypes.c_uint64 * 3)(files, tcp, scope)  # struct landlock_ruleset_attr
    ruleset = kernel.syscall(_CREATE, ctypes.addressof(handled), ctypes.sizeof(handled), 0)
    for path, right in rights.items():
        try:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        allowed = right if stat.S_ISDIR(os.fstat(beneath).st_mode) else right & _FILE_RIGHTS
        attribute = ctypes.create_string_buffer(allowed.to_bytes(8, "little") + beneath.to_bytes(4, "little"), 12)
        kernel.syscall(_ADD_RULE, ruleset, 1, ctypes.addressof(attribute), 0)
        os.close(beneath)
    return ruleset


def _tasks_of_this_user() -> int:
    """Processes and threads that count against this user's limit already."""
    return sum(_threads(pid) for pid in _own_processes())


def _own_processes() -> Iterator[Path]:
    uid = os.getuid()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                yield entry
        except FileNotFoundError:
            continue


def _threads(process: Path) -> int:
    try:
        return len(list((process / "task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0
