"""Ports to what the executor stores, and the unit of work that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.execution import Artifact, Evidence, FailureClass
from orchestra.contracts.ids import AttemptId, RunId, Sha256, TaskId, WorkspaceId
from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn, RunChanged, TaskDispatched
from orchestra.executor.domain.attempt import AttemptKind, AttemptStatus, EndedAttempt, HeldAttempt
from orchestra.executor.domain.policy import Policy


@dataclass(frozen=True)
class AttemptView:
    """An attempt as it is shown."""

    id: AttemptId
    task_id: TaskId
    run_id: RunId
    number: int
    status: AttemptStatus
    failure: FailureClass | None
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    evidence: Evidence | None
    outputs: Sequence[Artifact]


@dataclass(frozen=True)
class Lease:
    """For whom and until when attempts are taken."""

    owner: str
    until: datetime


class Attempts(Protocol):
    """Every write is conditional on the state, and on the lease where there is one: a late holder changes nothing."""

    async def accept(self, dispatches: Sequence[tuple[TaskDispatched, str | None]]) -> None:
        """Queue what is not known yet, each with its traceparent; a tombstone keeps its attempt, or its run's, away."""
        ...

    async def withdraw(self, withdrawal: DispatchWithdrawn) -> None:
        """End it while it is queued, ask its holder to stop it, or leave a tombstone for a dispatch still to come."""
        ...

    async def recall(self, recall: DispatchRecalled) -> bool:
        """End it while it is queued, or leave a tombstone for a dispatch still to come; True where it was one of both.

        What has begun or ended, or was withdrawn already, stays as it is.
        """
        ...

    async def withdraw_run(self, run: RunChanged, reason: str) -> None:
        """The same as a withdrawal of each attempt of the run, of those that are known and of any still to come."""
        ...

    async def rehearse(self, ended: Sequence[EndedAttempt]) -> list[EndedAttempt]:
        """Write dry runs with the end that they have at once; returns those that were not known, nor kept away."""
        ...

    async def accept_at_once(self, attempt: HeldAttempt) -> bool:
        """Handle the delivery of this one in one statement, unless it is known, or kept away; then nothing is done."""
        ...

    async def rehearse_at_once(self, ended: EndedAttempt) -> bool:
        """The same of a dry run whose end is published, unless its workspace lacks some content that it needs."""
        ...

    async def claim(self, lease: Lease, *, slots: int, kind: AttemptKind = "command") -> list[HeldAttempt]:
        """Lease the oldest queued attempts of a kind, at most so many."""
        ...

    async def start(self, attempts: Sequence[HeldAttempt]) -> list[HeldAttempt]:
        """Mark them as running; returns those that still are their holder's."""
        ...

    async def end(self, ended: Sequence[EndedAttempt]) -> list[EndedAttempt]:
        """Write what became of them; returns those that still were their holder's."""
        ...

    async def renew(self, lease: Lease, ids: Sequence[AttemptId]) -> Mapping[AttemptId, str | None]:
        """Extend the leases; returns those that still are the owner's, each with the reason of a withdrawal, if any."""
        ...

    async def lose_expired(self, reason: str) -> list[EndedAttempt]:
        """End, as lost, what nobody renewed in time; each is returned once."""
        ...

    async def lose_of(self, owners: Sequence[str], reason: str, kind: AttemptKind | None = None) -> list[EndedAttempt]:
        """End, as lost, what these owners held, of one kind or of all."""
        ...

    async def owners(self) -> list[str]:
        """Everybody who holds something."""
        ...

    async def held_among(self, ids: Sequence[AttemptId]) -> set[AttemptId]:
        """Those of the attempts that somebody holds."""
        ...

    async def find(self, workspace_id: WorkspaceId, attempt_id: AttemptId) -> AttemptView | None: ...

    async def page(
        self, workspace_id: WorkspaceId, *, run_id: RunId | None, task_id: TaskId | None, after: str | None, limit: int
    ) -> list[AttemptView]:
        """By id, that is the oldest first."""
        ...


class ArtifactRegister(Protocol):
    """Which workspace knows which content; another workspace's does not exist."""

    async def add(self, known: Mapping[tuple[WorkspaceId, Sha256], int]) -> None:
        """Sizes in bytes by workspace and content; what is known already stays as it is."""
        ...

    async def size_of(self, workspace_id: WorkspaceId, sha256: Sha256) -> int | None: ...

    async def known(self, contents: Sequence[tuple[WorkspaceId, Sha256]]) -> set[tuple[WorkspaceId, Sha256]]:
        """Those of the contents that their workspace knows."""
        ...


class ExecutingWork(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def traces(self) -> Sequence[str | None]:
        """The traceparents of the events of this delivery, in their order."""
        ...

    @property
    def attempts(self) -> Attempts: ...

    @property
    def register(self) -> ArtifactRegister: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...

    @property
    def policy(self) -> Policy: ...

    def wake(self, name: str) -> None: ...
