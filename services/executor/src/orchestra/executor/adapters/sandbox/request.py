"""What the executor asks a keeper to do, and what the keeper answers: one line of JSON each, over their socket."""

import json
import resource
from dataclasses import dataclass

from orchestra.executor.adapters.sandbox.group import Place
from orchestra.executor.domain.policy import Limits

FIRST_USER, USERS = 60_800, 256
"""Users for commands where the executor is root, one each in turn: below 65,536 for containers, outside the ranges that
Debian and systemd hand out. No file belongs to them but those of a running command."""
_BACKSTOP = 4


@dataclass(frozen=True)
class Request:
    cage: str
    """`bubblewrap` or `landlock`."""
    options: tuple[str, ...]
    """Bubblewrap's own, where it is the cage."""
    argv: tuple[str, ...]
    """The program by its absolute path, then its arguments."""
    shown: tuple[str, ...]
    """Folders and files outside the workspace that may be read and run."""
    workspace: str
    tmp: str
    """A folder of the command's own beside the workspace, where the cage has no private /tmp."""
    environment: dict[str, str]
    user: int | None
    """The user and group to become; None when the executor is not root and cannot choose."""
    timeout_s: float
    grace_s: float
    """From SIGTERM to SIGKILL."""
    limits: Limits
    group: Place | None = None
    """Where the command's control group is to be made; None where there are none."""

    def to_line(self) -> bytes:
        group = vars(self.group) if self.group else None
        return json.dumps(vars(self) | {"limits": vars(self.limits), "group": group}).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> "Request":
        values = json.loads(line)
        values |= {name: tuple(values[name]) for name in ("options", "argv", "shown")}
        group = Place(**values["group"]) if values["group"] else None
        return Request(**values | {"limits": Limits(**values["limits"]), "group": group})

    @property
    def processes_of_user(self) -> int:
        """What the command's user may have; where a group counts the command alone, only what bounds its failure."""
        return self.limits.processes * (_BACKSTOP if self.group else 1)


def limit_process(pid: int, limits: Limits, processes: int) -> None:
    """For `pid`, or for this process (0), and all that it starts; `processes` is what its user may have in all."""
    hard = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: processes,
    }
    for kind, value in hard.items():
        _lower(pid, kind, value, value)
    # The soft limit is SIGXCPU, which a program may handle; the hard one is SIGKILL.
    _lower(pid, resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)


def _lower(pid: int, kind: int, soft: int, hard: int) -> None:
    """What this process already may not have, it cannot give."""
    most = resource.getrlimit(kind)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.prlimit(pid, kind, (soft, hard))
