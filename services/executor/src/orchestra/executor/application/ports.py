"""What the executor's use cases ask of the world: a sandbox, artifacts, workspaces."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from orchestra.contracts.execution import Artifact
from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Input
from orchestra.executor.domain.policy import Level, Limits, Refusal, Stop


@dataclass(frozen=True)
class SandboxCommand:
    argv: tuple[str, ...]
    tools: tuple[str, ...]
    workspace: Path
    """Exists, and is this command's own. It becomes the working directory and the only place it can write to."""
    log: Path
    """Standard output and standard error together go here as they come. Made or emptied at the start."""
    timeout_s: float
    limits: Limits
    hosts: tuple[str, ...] = ()
    """What it may ask for by https, through a proxy; nothing else of any network is in reach."""
    guarded: tuple[str, ...] = ()
    """Files of the workspace that stay as they are, where the sandbox can see to that."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside PATH, HOME, TMPDIR, LANG and TZ, which are set for it; nothing else of the executor's own gets in."""


@dataclass(frozen=True)
class Outcome:
    exit_code: int | None
    """128 + n when signal n ended the command, as in a shell; None when the sandbox ended it."""
    stopped: Stop | None
    tail: str
    """The end of the log, at most 2,000 characters."""
    log_bytes: int
    duration_ms: int
    cpu_ms: int
    """Of all processes of the command together."""
    peak_kb: int
    """Of the whole command, pages of its files included, where it has a control group. Else resident memory of its
    largest process; at least that of the keeper which it was forked from."""

    @property
    def timed_out(self) -> bool:
        return self.stopped == "timeout"

    @property
    def output_truncated(self) -> bool:
        return self.stopped == "output"

    @property
    def signal(self) -> int | None:
        return self.exit_code - 128 if self.exit_code is not None and 128 < self.exit_code <= 128 + 64 else None


@dataclass(frozen=True)
class Check:
    """One attempt to escape, made when the sandbox was probed."""

    level: Level
    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Grouping:
    """Whether the kernel keeps the limits of a command for all of its processes together, in a control group."""

    version: Literal["v1", "v2"] | None
    """Of control groups; None where they cannot be used, and a watch adds up what processes use."""
    why_not: str = ""

    def __str__(self) -> str:
        return self.version or f"none: {self.why_not}"


class CommandRefused(Exception):
    """The policy does not allow the command."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(" ".join(refusal.detail for refusal in refusals))
        self.refusals = tuple(refusals)


class SandboxUnavailable(Exception):
    """No sandbox of the level that the policy asks for can be had here; the message says why."""


class SandboxLost(Exception):
    """The command's keeper was killed; nothing of the command is left, and nobody knows how far it came."""


class Sandbox(Protocol):
    @property
    def level(self) -> Level: ...

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was tried at the start, for readiness."""
        ...

    @property
    def grouping(self) -> Grouping: ...

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        """Runs the command and waits for its end; `on_started` hears the process id of its first process.

        When this returns or raises, no process of the command is left. Cancelling the task that awaits it ends the
        command: SIGTERM, at most two seconds later SIGKILL, and only then CancelledError; the log stays.
        Raises CommandRefused, SandboxUnavailable, SandboxLost.
        """
        ...

    async def close(self) -> None:
        """Ends what is still running."""
        ...


@dataclass(frozen=True)
class Stored:
    sha256: Sha256
    size: int


class UnknownArtifact(Exception):
    """There is no artifact of this hash."""


class WrongHash(Exception):
    """The content does not have the hash that it was announced with."""


class Artifacts(Protocol):
    """Content by its SHA-256. What is stored is never changed."""

    async def put(self, source: Path | BinaryIO | AsyncIterable[bytes], expected: Sha256 | None = None) -> Stored:
        """Stores the content unless it is there. Raises WrongHash, and then nothing is stored."""
        ...

    async def exists(self, sha256: Sha256) -> bool: ...

    async def open(self, sha256: Sha256) -> BinaryIO:
        """Raises UnknownArtifact. The caller closes it."""
        ...

    async def copy(self, sha256: Sha256, destination: Path) -> None:
        """Makes the new file `destination`, which shares nothing with the store. Raises UnknownArtifact."""
        ...


class BadWorkspace(Exception):
    """The inputs cannot be laid out as files of one workspace."""


class BadOutputs(Exception):
    """A declared output is missing, is no regular file, or is too large."""


class Workspaces(Protocol):
    async def build(self, attempt_id: str, inputs: Iterable[Input]) -> Path:
        """A fresh workspace with the inputs as files. Raises BadWorkspace, UnknownArtifact."""
        ...

    async def collect(
        self, workspace: Path, patterns: Iterable[str], limits: Limits, protected: Sequence[str] = ()
    ) -> tuple[Artifact, ...]:
        """Stores what the paths and patterns name, in the order of paths. Raises BadOutputs, which names every fault.

        Nothing in a protected place is an output. Call it when no process of the command is left.
        """
        ...

    async def altered(self, workspace: Path, given: Mapping[str, Sha256]) -> list[str]:
        """Those of the files {path: content} that are not there any more as they were given."""
        ...

    async def remove(self, *paths: Path) -> None:
        """Removes a workspace, and what else was made for it, with all it holds; it may be gone already."""
        ...
