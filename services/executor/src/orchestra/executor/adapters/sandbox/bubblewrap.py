"""The cage of level L3: bubblewrap with namespaces of its own, seccomp, and no user that owns anything outside.

As root, bubblewrap sets up the namespaces and `setpriv` then becomes a user of the command's own. Otherwise a user
namespace is made, and the command can make none inside it.
"""

import json
import os
import resource
import socket
import subprocess
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.sandbox import kernel, seccomp, tools
from orchestra.executor.adapters.sandbox.request import Request, limit_this_process
from orchestra.executor.domain.policy import Limits

WORKSPACE = "/workspace"
_INSIDE_USER = "65534"


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


def options(workspace: str, environment: dict[str, str], limits: Limits) -> tuple[str, ...]:
    """What the sandbox shows and shares, as arguments of bubblewrap."""
    known = features()
    found = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    found += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
    if os.geteuid() == 0:
        found += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
    else:
        found += ["--unshare-user", "--uid", _INSIDE_USER, "--gid", _INSIDE_USER]
        found += ["--disable-userns"] if "--disable-userns" in known else []
    found += _system()
    size = ["--size", str(limits.tmp_bytes)] if "--size" in known else []
    private = ["--perms", "1777", *size, "--tmpfs"]
    found += ["--proc", "/proc", "--dev", "/dev", *private, "/dev/shm", *private, "/tmp"]  # noqa: S108 - its own
    found += ["--bind", workspace, WORKSPACE, "--remount-ro", "/dev", "--remount-ro", "/"]
    found += ["--chdir", WORKSPACE, "--clearenv"]
    found += [word for name, value in environment.items() for word in ("--setenv", name, value)]
    return tuple(found)


@lru_cache
def _system() -> tuple[str, ...]:
    shown = (*tools.shown_folders(), *tools.SETTINGS)
    found: list[str] = []
    for folder in {str(above): None for path in shown for above in reversed(Path(path).parents[:-1])}:
        found += ["--perms", "0755", "--dir", folder]  # bubblewrap would make it for its own user alone
    for path in shown:
        if Path(path).is_symlink():
            found += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            found += ["--ro-bind", path, path]
    return tuple(found)


class BubblewrapCage:
    """What a keeper does to run one command at level L3."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._keeper = os.getpid()
        tree.give(request.workspace, request.user)
        families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)  # within an empty network namespace
        said, status = os.pipe()
        self._status = os.fdopen(said)
        gate, self._gate = os.pipe()
        self._handed = {
            "--seccomp": _in_memory(seccomp.program(seccomp.Filter(families=families))),
            "--json-status-fd": status,
            "--block-fd": gate,
        }

    def enter(self) -> None:
        """In the child: becomes bubblewrap, which starts the command once `started` opens the gate."""
        request = self._request
        as_root = request.user is not None
        # Root is not counted, and its command will be the only one of its user. Else the count that matters is that
        # of the user namespace still to be made.
        limit_this_process(request.limits, request.limits.processes if as_root else None)
        if not as_root:
            kernel.become(None)
        kernel.die_with(self._keeper)
        handed = [word for option, fd in self._handed.items() for word in (option, str(fd))]
        arguments = _in_memory("\0".join((*handed, *request.options)).encode())
        for fd in (*self._handed.values(), arguments):
            os.set_inheritable(fd, True)
        # The arguments that could tell something travel by descriptor; the environment is empty, as that of process 1
        # can be read inside.
        outer = ["bwrap", "--args", str(arguments), "--", *_as_user(request.user)]
        os.execve(tools.find("bwrap"), [*outer, *request.argv], {})  # noqa: S606 - no shell is the point

    def started(self, pid: int) -> None:
        """Limits the processes of the new user namespace, and opens the gate."""
        for fd in self._handed.values():
            os.close(fd)
        line = self._status.readline()
        if not line:
            raise OSError("bubblewrap could not set up the sandbox")
        self._first = int(json.loads(line)["child-pid"])
        if self._request.user is None:
            # One more than allowed: the first process of the namespace is bubblewrap's own.
            most = self._request.limits.processes + 1
            resource.prlimit(self._first, resource.RLIMIT_NPROC, (most, most))
        os.close(self._gate)

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
        """All that the cage made went with its namespaces."""


def _as_user(user: int | None) -> list[str]:
    if user is None:
        return []
    identity = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    return [str(tools.find("setpriv")), *identity]


def _in_memory(content: bytes) -> int:
    fd = os.memfd_create("bubblewrap", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
