"""What became of attempts. The executor reports outcomes; it never decides readiness, completion or a further try."""

from datetime import datetime
from typing import Literal

from orchestra.contracts.event import Event, Fact
from orchestra.contracts.ids import AttemptId, Sha256, TaskId
from orchestra.contracts.suspensions import Suspension

FailureClass = Literal["transient", "permanent", "timeout", "policy", "lost", "cancelled", "gaps", "budget"]
"""`gaps`: a verification found that something is missing. `budget`: a person would not spend more on it."""

Verdict = Literal["passed", "gaps_found", "human_needed", "skipped"]


class Artifact(Fact):
    """A regular file that an attempt left at `path` beneath its workspace."""

    path: str
    sha256: Sha256
    size: int
    """Bytes."""


class Verification(Fact):
    """Whether the work is done as it was asked for; what could not be understood is `human_needed`, never `passed`."""

    verdict: Verdict
    by: str
    """`checks`, a model's name, or whoever accepted it."""
    findings: tuple[str, ...] = ()


class Evidence(Fact):
    """What proves the outcome."""

    exit_code: int | None = None
    sandbox_level: str
    cgroup: Literal["v1", "v2"] | None = None
    """The version of control groups that kept the limits of all its processes together; null where none did."""
    duration_ms: int
    cpu_ms: int = 0
    peak_kb: int = 0
    """Of all processes and the pages of their files, where a control group counts them; else of the largest process."""
    log: Artifact | None = None
    """Standard output and standard error together, cut at the policy's limit."""
    tail: str = ""
    """The last lines of the log, at most 2,000 characters."""
    dry_run: bool = False
    verification: Verification | None = None
    agent: str = ""
    """Who did it; empty for a plain command, like what follows."""
    model: str = ""
    rounds: int = 0
    tokens: int = 0
    cost_micros: int = 0
    """Millionths of a US dollar."""
    summary: str = ""
    """What the agent says that it did."""


class AttemptStarted(Event, kind="attempt.started.v1", subject="attempt_id"):
    """Sent only when the attempt has run for a second."""

    task_id: TaskId
    attempt_id: AttemptId
    token: int
    started_at: datetime


class AttemptReturned(Event, kind="attempt.returned.v1", subject="attempt_id"):
    """It was recalled before it had begun, and never will: its task is free for another attempt."""

    task_id: TaskId
    attempt_id: AttemptId
    token: int


class AttemptSucceeded(Event, kind="attempt.succeeded.v1", subject="attempt_id", packed=True):
    task_id: TaskId
    attempt_id: AttemptId
    token: int
    started_at: datetime
    ended_at: datetime
    outputs: tuple[Artifact, ...]
    evidence: Evidence


class AttemptFailed(Event, kind="attempt.failed.v1", subject="attempt_id"):
    task_id: TaskId
    attempt_id: AttemptId
    token: int
    started_at: datetime | None
    ended_at: datetime
    failure: FailureClass
    reason: str
    evidence: Evidence | None = None


class AttemptSuspended(Event, kind="attempt.suspended.v1", subject="attempt_id"):
    """It has ended for now, neither done nor failed; another attempt goes on once what it waits for has come."""

    task_id: TaskId
    attempt_id: AttemptId
    token: int
    started_at: datetime
    ended_at: datetime
    waits_for: Suspension
    outputs: tuple[Artifact, ...] = ()
    """What it has so far, kept for the next attempt."""
    evidence: Evidence | None = None
