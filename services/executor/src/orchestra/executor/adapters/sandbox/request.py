"""What the executor asks a keeper to do, and what the keeper answers: one line of JSON each, over their socket."""

import json
import resource
from dataclasses import asdict, dataclass

from orchestra.executor.domain.policy import Limits


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

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> "Request":
        values = json.loads(line)
        values |= {name: tuple(values[name]) for name in ("options", "argv", "shown")}
        return Request(**values | {"limits": Limits(**values["limits"])})


def limit_this_process(limits: Limits, processes: int | None) -> None:
    """`processes` is what the command's user may have in all; None leaves it to be set later."""
    hard = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    if processes is not None:
        hard[resource.RLIMIT_NPROC] = processes
    for kind, value in hard.items():
        _lower(kind, value, value)
    # The soft limit is SIGXCPU, which a program may handle; the hard one is SIGKILL.
    _lower(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)


def _lower(kind: int, soft: int, hard: int) -> None:
    """What this process already may not have, it cannot give."""
    most = resource.getrlimit(kind)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))
