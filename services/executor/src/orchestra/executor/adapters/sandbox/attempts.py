"""Run inside a sandbox, as a script of its own: tries to get out, and prints what it was able to do.

Takes a JSON object of targets outside, and the names of the attempts to make, all if there are none. Prints a JSON
object of names and what went wrong, "" for an attempt that was stopped. Standard library only: nothing else is there.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

Target = dict[str, str | int]
ENVIRONMENT = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "PWD", "GIT_CONFIG_NOSYSTEM"}
SYSCALLS = {
    "x86_64": {"bpf": 321, "clone": 56, "keyctl": 250, "mount": 165, "ptrace": 101, "unshare": 272},
    "aarch64": {"bpf": 280, "clone": 220, "keyctl": 219, "mount": 40, "ptrace": 117, "unshare": 97},
}
PTRACE_SEIZE = 0x4206
HOOK = ".git/hooks/pre-commit"
TEN_TB = 10 * 2**40
CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)


def refused(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError:
        return ""
    return "it was possible"


def refused_by_kernel(*call: int | bytes | None) -> str:
    result = _libc.syscall(*call)
    return "" if result < 0 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS) else f"it gave {result}"


def through_link(path: str) -> Path:
    link = Path(f"link-{time.monotonic_ns()}")
    link.symlink_to(path)
    return link


def connect(family: socket.AddressFamily, address: str | tuple[str, int]) -> None:
    with socket.socket(family) as found:
        found.settimeout(2)
        found.connect(address)


def foreign_environment() -> str:
    """Names in the environment of any process that can be looked at."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            names = {line.split(b"=")[0].decode() for line in path.read_bytes().split(b"\0") if line}
        except OSError:
            continue
        if names - ENVIRONMENT:
            return f"{path} shows {', '.join(sorted(names - ENVIRONMENT))}"
    return ""


def many_processes(limit: int) -> str:
    started: list[int] = []
    try:
        for _ in range(limit * 2):
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            started.append(pid)
    except OSError:
        return ""
    finally:
        for pid in started:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return f"{len(started)} processes were started"


def give_up(_number: int, _frame: FrameType | None) -> None:
    os._exit(1)


def hold_together(processes: int, each: int) -> None:
    """Prints "held" if so many processes hold so many bytes at once, and ends when one of them is killed."""
    signal.signal(signal.SIGCHLD, give_up)
    heard, said = os.pipe()
    for _ in range(processes):
        if os.fork() == 0:
            held = b"x" * each
            os.write(said, held[:1])
            time.sleep(60)
    for _ in range(processes):
        os.read(heard, 1)
    print("held", flush=True)  # noqa: T201 - the answer


def leave_a_process_behind() -> None:
    """It leaves its group and its parent, and holds a lock that the one outside will ask for."""
    held = os.open("held", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        os._exit(0)


def write_settings() -> None:
    made = Path("/etc/orchestra-probe")
    made.touch()
    made.unlink()


def send_datagram(port: int) -> str:
    """Where it goes is seen outside: whoever sends hears nothing."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"!", ("127.0.0.1", port))
    return ""


def make_sparse_file() -> None:
    with Path("sparse").open("w") as sparse:
        sparse.truncate(TEN_TB)


def replace_hook() -> str:
    """What becomes of it is seen outside."""
    with suppress(OSError):
        Path(HOOK).write_text("evil")
    with suppress(OSError):
        Path(HOOK).unlink()
    return ""


def make_device() -> None:
    os.mknod("device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    Path("device").read_bytes()


def attempts(target: Target) -> dict[str, Callable[[], str]]:
    outside, secret, victim = str(target["outside"]), Path(str(target["secret"])), int(target["victim"])
    numbers = SYSCALLS[os.uname().machine]
    tcp, unix, abstract = ("127.0.0.1", int(target["port"])), str(target["unix"]), "\0" + str(target["abstract"])
    reaching: dict[str, Callable[[], object]] = {
        "write-outside": lambda: Path(outside, "written").touch(),
        "write-settings": write_settings,
        "write-through-link": lambda: (through_link(outside) / "linked").touch(),
        "change-modes-outside": lambda: secret.chmod(0o640),
        "read-outside": secret.read_text,
        "read-through-link": lambda: through_link(str(secret)).read_text(),
        "read-shadow": lambda: Path("/etc/shadow").read_bytes(),
        "tcp": lambda: connect(socket.AF_INET, tcp),
        "unix-socket": lambda: connect(socket.AF_UNIX, unix),
        "abstract-socket": lambda: connect(socket.AF_UNIX, abstract),
        "device": make_device,
        "sparse-file": make_sparse_file,
        "signal": lambda: os.kill(victim, signal.SIGTERM),
        "limits-of-others": lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, (3, 3)),
    }
    return {name: partial(refused, attempt) for name, attempt in reaching.items()} | {
        "environment": lambda: ", ".join(sorted(set(os.environ) - ENVIRONMENT)),
        "environment-of-others": foreign_environment,
        "udp": lambda: send_datagram(int(target["udp"])),
        "hook": replace_hook,
        "ptrace": lambda: refused_by_kernel(numbers["ptrace"], PTRACE_SEIZE, victim, 0, 0),
        "processes": lambda: many_processes(int(target["processes"])),
        "keyctl": lambda: refused_by_kernel(numbers["keyctl"], 0, -3, 1),
        "bpf": lambda: refused_by_kernel(numbers["bpf"], 0, None, 0),
        "mount": lambda: refused_by_kernel(numbers["mount"], b"none", b".", b"tmpfs", 0, None),
        "user-namespace": lambda: refused_by_kernel(numbers["unshare"], CLONE_NEWUSER),
        "user-namespace-by-clone": lambda: refused_by_kernel(numbers["clone"], CLONE_NEWUSER | signal.SIGCHLD, 0, 0),
    }


def works() -> str:
    """A sandbox that stops everything proves nothing."""
    Path("made").write_text("x")
    Path(os.environ["TMPDIR"], "made").write_text("x")
    first, second = socket.socketpair()
    first.close()
    second.close()
    return "" if subprocess.run(["true"], check=False).returncode == 0 else "true could not be run"


def main() -> None:
    if sys.argv[1] == "hold":
        hold_together(*map(int, sys.argv[2:]))
        return
    made = attempts(json.loads(sys.argv[1]))
    found = {"works": works()} | {name: made[name]() for name in sys.argv[2:] or made}
    leave_a_process_behind()
    print(json.dumps(found))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
