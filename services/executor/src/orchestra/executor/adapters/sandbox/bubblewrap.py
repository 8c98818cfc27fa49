"""The cage of level L3: bubblewrap with namespaces of its own, seccomp, and no user that owns anything outside.

Bubblewrap runs as the command's own user, in a user namespace in which the command can make no other. Where users may
make none, or what must be shown lies in folders closed to them, root's bubblewrap sets up the namespaces and `setpriv`
then becomes that user, which takes a millisecond longer.
"""

import json
import os
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.sandbox import fork, kernel, namespace, seccomp, tools
from orchestra.executor.adapters.sandbox.group import Group
from orchestra.executor.adapters.sandbox.request import FIRST_USER, Request, limit_process
from orchestra.executor.domain.policy import Limits

WORKSPACE = "/workspace"
_INSIDE_USER = "65534"
_NAMESPACES = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
_OWN_USER = "--unshare-user"
_AS_ROOT = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP")


class MissingPart(Exception):
    """Bubblewrap cannot be used here."""


@lru_cache
def features() -> frozenset[str]:
    """The options that the installed version knows. Raises MissingPart."""
    try:
        program = [tools.find("bwrap"), "--help"]
        if os.geteuid() == 0:
            tools.find("setpriv")
    except tools.UnknownTool as unknown:
        raise MissingPart(str(unknown)) from unknown
    # It refuses to run with rights that a user who is not root may have been given.
    give_up = None if os.geteuid() == 0 else partial(kernel.become, None)
    shown = subprocess.run(program, env={}, capture_output=True, text=True, check=False, preexec_fn=give_up)
    if shown.returncode != 0:
        raise MissingPart(f"bubblewrap does not run: {shown.stderr.strip()}")
    known = frozenset(word for word in shown.stdout.split() if word.startswith("--"))
    if missing := {"--args", "--json-status-fd", "--perms", "--cap-add"} - known:
        raise MissingPart(f"bubblewrap is too old: it does not know {', '.join(sorted(missing))}.")
    return known


@dataclass(frozen=True)
class View:
    """What a command sees."""

    readable: tuple[str, ...]
    """Folders and files besides those of the system's tools."""
    workspace: str
    environment: dict[str, str]
    limits: Limits
    guarded: tuple[str, ...] = ()
    """Files of the workspace that stay as they are."""
    asks_hosts: bool = False


def options(view: View) -> tuple[str, ...]:
    """What the sandbox shows and shares, as arguments of bubblewrap."""
    known = features()
    as_root = os.geteuid() == 0 and not (_users_may(view.readable) and tools.open_to_all(Path(view.workspace).parent))
    found = [*_AS_ROOT] if as_root else [*_as_user_of_its_own()]
    found += _NAMESPACES
    found += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
    found += _shown((*tools.shown_folders(), *tools.SETTINGS))
    size = ["--size", str(view.limits.tmp_bytes)] if "--size" in known else []
    private = ["--perms", "1777", *size, "--tmpfs"]
    found += ["--proc", "/proc", "--dev", "/dev", *private, "/dev/shm", *private, "/tmp"]  # noqa: S108 - its own
    found += _shown((*view.readable, *(tools.CERTIFICATES if view.asks_hosts else ())))  # after what would cover it
    found += ["--bind", view.workspace, WORKSPACE]
    for path in view.guarded:
        found += ["--ro-bind", f"{view.workspace}/{path}", f"{WORKSPACE}/{path}"]
    found += ["--remount-ro", "/dev", "--remount-ro", "/"]
    found += ["--chdir", WORKSPACE, "--clearenv"]
    found += [word for name, value in view.environment.items() for word in ("--setenv", name, value)]
    return tuple(found)


def _as_user_of_its_own() -> tuple[str, ...]:
    alone = ("--disable-userns",) if "--disable-userns" in features() else ()
    return (_OWN_USER, "--uid", _INSIDE_USER, "--gid", _INSIDE_USER, *alone)


@lru_cache
def _users_may(readable: tuple[str, ...]) -> bool:
    """Whether one of the users that root has for commands can make these namespaces, and reach what they show."""
    if not all(tools.open_to_all(Path(path)) for path in (*tools.shown_folders(), *readable)):
        return False
    trial = [
        *_as_user_of_its_own(),
        *_NAMESPACES,
        *_shown(tools.shown_folders()),
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--",
        "true",
    ]
    program = [tools.find("bwrap"), *trial]
    tried = subprocess.run(
        program, env={}, capture_output=True, check=False, cwd="/", user=FIRST_USER, group=FIRST_USER, extra_groups=[]
    )
    return tried.returncode == 0


@lru_cache
def _shown(paths: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for folder in {str(above): None for path in paths for above in reversed(Path(path).parents[:-1])}:
        found += ["--perms", "0755", "--dir", folder]  # bubblewrap would make it for its own user alone
    for path in paths:
        if Path(path).is_symlink():
            found += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            found += ["--ro-bind", path, path]
    return tuple(found)


class BubblewrapCage:
    """What a keeper does to run one command at level L3."""

    processes = 1  # the first of its namespace

    def __init__(self, request: Request, group: Group) -> None:
        self._request = request
        self._group = group
        self._keeper = os.getpid()
        tree.give(request.workspace, request.user)
        self._rootless = _OWN_USER in request.options
        if request.user is None:
            kernel.become(None)  # bubblewrap refuses to run with rights that this user may have been given
        families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)  # within an empty network namespace
        said, status = os.pipe()
        self._status = os.fdopen(said)
        gate, held = os.pipe()
        self._gate: int | None = held
        self._handed = {
            "--seccomp": _in_memory(seccomp.program(seccomp.Filter(families=families))),
            "--json-status-fd": status,
            "--block-fd": gate,
        }

    def start(self, output: int) -> int:
        """Bubblewrap, which starts the command once `started` opens the gate.

        It is started without a copy of this interpreter, so nothing of ours runs in it. That it ends with its keeper
        it arranges itself; until then the warden would find it.
        """
        request = self._request
        handed = [word for option, fd in self._handed.items() for word in (option, str(fd))]
        self._handed["--args"] = arguments = _in_memory("\0".join((*handed, *request.options)).encode())
        for fd in self._handed.values():
            os.set_inheritable(fd, True)
        # The arguments that could tell something travel by descriptor; the environment is empty, as that of process 1
        # can be read inside.
        argv = ["bwrap", "--args", str(arguments), "--", *self._change_of_user(), *request.argv]
        try:
            with _real_user(request.user if self._rootless else None):
                return os.posix_spawn(
                    tools.find("bwrap"),
                    argv,
                    {},
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_DUP2, output, 1),
                        (os.POSIX_SPAWN_DUP2, output, 2),
                    ],
                    resetids=True,
                    setsid=True,
                    setsigmask=(),
                    setsigdef=fork.IGNORED,
                )
        finally:
            for fd in self._handed.values():
                os.close(fd)

    def _change_of_user(self) -> list[str]:
        if self._rootless:
            return []
        user = self._request.user
        identity = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        return [str(tools.find("setpriv")), *identity]

    def started(self, to_proxy: int | None) -> None:
        """Limits what waits behind the gate, and opens it."""
        line = self._status.readline()
        if not line:
            raise OSError("bubblewrap could not set up the sandbox")
        self._first = int(json.loads(line)["child-pid"])
        self._group.add(self._first)
        request = self._request
        # Root is not counted, and its command will be the only one of its user. Else the count is that of the user
        # namespace, and one more than allowed: the first process there is bubblewrap's own.
        most = request.processes_of_user + (1 if self._rootless else 0)
        with _real_user(request.user if self._rootless else None):  # who may limit it, also where root may not
            limit_process(self._first, request.limits, most)
        with suppress(OSError):
            Path(f"/proc/{self._first}/oom_score_adj").write_text(fork.OOM_FIRST)
        if to_proxy is not None:
            with socket.socket(fileno=os.dup(to_proxy)) as to:
                namespace.listen_in(self._first, to)
        self._open_gate()

    def _open_gate(self) -> None:
        if self._gate is not None:
            os.close(self._gate)
            self._gate = None

    def signal(self, number: int) -> bool:
        """To what is in the namespace by now, but for its first process, which would not heed it."""
        inside = list(kernel.descendants(self._first))
        for pid in inside:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return bool(inside)

    def end(self) -> None:
        """Kills bubblewrap, and then the namespace's first process, which is ours by then, and with it all in it.

        Bubblewrap has that process die with it too, but a kill may come before that is arranged.
        """
        for pid in kernel.children(self._keeper):
            os.kill(pid, 9)

    def exit_code(self, status: int) -> int:
        """Bubblewrap reports the exit status only of a command that it could start."""
        for line in self._status:
            found = json.loads(line).get("exit-code")
            if found is not None:
                return found
        if os.WIFSIGNALED(status):
            return 128 + os.WTERMSIG(status)
        raise OSError("bubblewrap could not start the command")

    def tidy(self) -> None:
        """All else that the cage made went with its namespaces."""
        self._open_gate()
        self._status.close()


@contextmanager
def _real_user(user: int | None) -> Generator[None]:
    """Within the block this process has `user` as its real user and group, which is what a program it spawns gets."""
    if user is None:
        yield
        return
    os.setresgid(user, 0, 0)
    os.setresuid(user, 0, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def _in_memory(content: bytes) -> int:
    fd = os.memfd_create("bubblewrap", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
