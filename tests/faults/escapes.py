"""What a command tries in order to get out, as code of its own each: it prints that it has escaped, or why not."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.executor.adapters.sandbox.attempts import SYSCALLS

ESCAPED = "ESCAPED"
SECRET = "canary-4c1f"

HARNESS = """
import ctypes, errno, glob, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(found):
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(5)
        s.connect(address)
try:
{code}
    print("ESCAPED")
except OSError as error:
    print("refused:", error)
"""

CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True)
class Outside:
    """What commands must not reach, open to every user of the machine."""

    folder: Path
    victim: subprocess.Popen[bytes]
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket
    touched: list[str] = field(default_factory=list)

    def reached(self) -> list[str]:
        """By what is seen from here alone."""
        found = [f"{path.name} is there" for path in self.folder.iterdir() if path.name not in ("secret", "socket")]
        secret = self.folder / "secret"
        found += (
            ["the secret was changed"] if secret.read_text() != SECRET or secret.stat().st_mode & 0o777 != 0o666 else []
        )
        found += ["the victim has ended"] if self.victim.poll() is not None else []
        for name in ("tcp", "udp", "unix", "abstract"):
            try:
                getattr(self, name).recv(1) if name == "udp" else getattr(self, name).accept()
            except BlockingIOError:
                continue
            found.append(f"somebody came to the {name} socket")
        return found

    def attempts(self, ports: dict[str, int]) -> dict[str, str]:
        """By name. `ports` are the system's own, on this machine."""
        folder, numbers = str(self.folder), SYSCALLS[os.uname().machine]
        tcp = {**ports, "canary": self.tcp.getsockname()[1]}
        return {
            "read-secret": f"assert {SECRET!r} in open('{folder}/secret').read()",
            "read-by-link": f"os.symlink('{folder}/secret', 'l'); open('l').read()",
            "read-shadow": "open('/etc/shadow').read()",
            "write-outside": f"open('{folder}/written', 'w').close()",
            "write-by-link": f"os.symlink('{folder}', 'd'); open('d/by-link', 'w').close()",
            "write-settings": "open('/etc/orchestra-escape', 'w').close(); os.remove('/etc/orchestra-escape')",
            "change-modes": f"os.chmod('{folder}/secret', 0o640)",
            "environment-own": "any('ORCHESTRA_' in n and n != 'ORCHESTRA_ATTEMPT' for n in os.environ) or call(-1)",
            "environment-others": (
                "seen = []\n"
                "for path in glob.glob('/proc/[0-9]*/environ'):\n"
                "    try: seen.append(open(path, 'rb').read())\n"
                "    except OSError: pass\n"
                f"any(b'ORCHESTRA_DATABASE_URL' in s or {SECRET.encode()!r} in s for s in seen) or call(-1)"
            ),
            **{f"tcp-{name}": f"connect(socket.AF_INET, ('127.0.0.1', {port}))" for name, port in tcp.items()},
            "udp": f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'!', ('127.0.0.1', {self.udp.getsockname()[1]}))",
            "unix-socket": f"connect(socket.AF_UNIX, '{folder}/socket')",
            "abstract-socket": f"connect(socket.AF_UNIX, {chr(0) + self.folder.name!r})",
            "mount": "call(libc.mount(b'none', b'.', b'tmpfs', 0, None))",
            "user-namespace": f"call(libc.unshare({CLONE_NEWUSER}))",
            "ptrace": f"call(libc.ptrace(0x4206, {self.victim.pid}, 0, 0))",
            "signal": f"os.kill({self.victim.pid}, signal.SIGTERM)",
            "keyctl": f"call(libc.syscall({numbers['keyctl']}, 0, -3, 1))",
            "bpf": f"libc.syscall({numbers['bpf']}, 0, None, 0); ctypes.get_errno() in (1, 38) and call(-1)",
            "device": "os.mknod('dev', 0o20666, os.makedev(1, 5)); open('dev', 'rb').read(1)",
            "sparse": "os.truncate(os.open('huge', os.O_CREAT | os.O_RDWR), 10 << 40)",
        }


def script(code: str) -> str:
    return HARNESS.replace("{code}", "\n".join(f"    {line}" for line in code.splitlines()))


@contextmanager
def outside() -> Iterator[Outside]:
    """In a short path that every user may pass."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestra-canary-", dir="/tmp")))
        folder.chmod(0o777)
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o666)
        kinds = {
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix": (socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/socket"),
            "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{folder.name}"),
        }
        sockets: dict[str, socket.socket] = {}
        for name, (family, kind, address) in kinds.items():
            made = sockets[name] = stack.enter_context(socket.socket(family, kind))
            made.bind(address)
            made.setblocking(False)
            if kind is socket.SOCK_STREAM:
                made.listen()
        (folder / "socket").chmod(0o777)
        victim = stack.enter_context(subprocess.Popen(["sleep", "3600"], env={"SECRET": SECRET}))
        stack.callback(victim.kill)
        yield Outside(folder, victim, **sockets)
