"""Ports to what is known of projects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import AttemptId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.executor.application.models.ports import Caller
from orchestra.executor.domain.knowledge.finding import Finding, FindingKind

FRESH = "knowledge"
"""What is woken where something new is known."""


@dataclass(frozen=True)
class Place:
    """Whose knowledge it is: nothing is found from any other."""

    workspace_id: WorkspaceId
    project_id: ProjectId


@dataclass(frozen=True)
class Origin:
    """Where a finding comes from: an agent's attempt, or a person."""

    run_id: RunId | None = None
    task_id: TaskId | None = None
    task_key: str | None = None
    attempt_id: AttemptId | None = None
    agent: str | None = None
    person: str | None = None


@dataclass(frozen=True)
class KnownFinding:
    id: str
    finding: Finding
    origin: Origin
    at: datetime


class Findings(Protocol):
    """A text is kept once in a project. One that was removed leaves a tombstone: its hash, without its text."""

    async def learn(self, place: Place, findings: Sequence[Finding], origin: Origin) -> list[Finding]:
        """Keep those that are not known and were not removed; returns them."""
        ...

    async def add(self, place: Place, finding: Finding, origin: Origin) -> KnownFinding | None:
        """Keep it, in the place of its tombstone where there is one. None: it is known."""
        ...

    async def remove(self, place: Place, finding_id: str, by: str) -> bool:
        """Whether there was one."""
        ...

    async def find(self, place: Place, finding_id: str) -> KnownFinding | None: ...

    async def same_as(self, place: Place, finding: Finding) -> KnownFinding | None:
        """The one with the same hash."""
        ...

    async def these(self, place: Place, ids: Sequence[str]) -> list[KnownFinding]:
        """Those of the ids that the place has, in any order."""
        ...

    async def newest(
        self, place: Place, kinds: Sequence[FindingKind], *, limit: int, before: str | None = None
    ) -> list[KnownFinding]:
        """Of these kinds, those with ids before that one."""
        ...

    async def with_words(
        self, place: Place, words: Sequence[str], kinds: Sequence[FindingKind], *, limit: int, offset: int = 0
    ) -> list[KnownFinding]:
        """Of these kinds, those that have any of the words, the best first. Words are letters and digits alone."""
        ...

    async def task_key(self, workspace_id: WorkspaceId, attempt_id: AttemptId) -> str | None:
        """The key of the attempt's task, where it is known."""
        ...


@dataclass(frozen=True)
class Unembedded:
    """A finding without a vector."""

    id: str
    text: str


class Embeddings(Protocol):
    """Vectors that say what findings mean."""

    async def take(self, limit: int, until: datetime) -> tuple[Place, Sequence[Unembedded]] | None:
        """Some of one project that are due and have none, for nobody else until then; the project that waits longest.

        None where nothing is due.
        """
        ...

    async def keep(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """By the findings' ids. What was removed meanwhile stays without."""
        ...

    async def put_off(self, ids: Sequence[str], until: datetime) -> None: ...

    async def take_up_others(self, model: str) -> None:
        """What has a vector of another model is due."""
        ...

    async def of(
        self, place: Place, kinds: Sequence[FindingKind], model: str, limit: int
    ) -> Sequence[tuple[str, bytes]]:
        """Ids and vectors by the model, of the newest."""
        ...


class NoMeaning(Exception):
    """No vector can be had now."""


class Meanings(Protocol):
    """What makes vectors of texts."""

    @property
    def model(self) -> str: ...

    async def of(self, caller: Caller, texts: Sequence[str]) -> Sequence[bytes]:
        """Of length 1, in the order of the texts. Raises NoMeaning."""
        ...


class KnowingWork(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def findings(self) -> Findings: ...

    @property
    def embeddings(self) -> Embeddings: ...

    def wake(self, name: str) -> None: ...
