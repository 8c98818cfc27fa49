"""An attempt: one try at one task, from its dispatch to its one end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.execution import Artifact, Evidence, FailureClass
from orchestra.contracts.ids import AttemptId, Sha256, WorkspaceId
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.contracts.suspensions import Suspension
from orchestra.executor.domain.agents.registry import Agent

AttemptKind = Literal["command", "agent"]
AttemptStatus = Literal["queued", "leased", "running", "succeeded", "suspended", "failed", "withdrawn"]

ATTEMPT_MOVES: Mapping[AttemptStatus, frozenset[AttemptStatus]] = {
    "queued": frozenset({"leased", "withdrawn"}),
    "leased": frozenset({"running", "succeeded", "suspended", "failed"}),
    "running": frozenset({"succeeded", "suspended", "failed"}),
    "succeeded": frozenset(),
    "suspended": frozenset(),
    "failed": frozenset(),
    "withdrawn": frozenset(),
}
"""Not obvious from the names:

- `leased` becomes `running` only after a second; what is quicker goes straight to its end.
- Only what was never begun becomes `withdrawn`; what is stopped on its way has `failed`, as cancelled.
- `suspended` is an end too: what goes on once an answer has come is an attempt of its own.
- Nothing goes back to `queued`: a lost attempt has failed, and a further try is an attempt of its own.
"""

HELD: frozenset[AttemptStatus] = frozenset({"leased", "running"})
"""Somebody has it under a lease."""


def sources(after: AttemptStatus) -> frozenset[AttemptStatus]:
    """The states from which an attempt may become `after`."""
    return frozenset(before for before, moves in ATTEMPT_MOVES.items() if after in moves)


def kind_of(dispatch: TaskDispatched) -> AttemptKind:
    return "command" if dispatch.command.agent is None else "agent"


@dataclass(frozen=True)
class HeldAttempt:
    """An attempt under the lease of `owner`."""

    dispatch: TaskDispatched
    owner: str
    started_at: datetime
    """When the lease was taken."""
    trace: str | None
    """The traceparent that came with the dispatch."""
    agent: Agent | None = None
    """Who does it, where an agent does."""

    @property
    def id(self) -> AttemptId:
        return self.dispatch.attempt_id

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.dispatch.workspace_id

    @property
    def contents(self) -> Mapping[str, Sha256]:
        """{path: content} of its workspace; what its predecessors handed on lies over the project's own files, and what
        an earlier attempt of it had over both."""
        dispatch = self.dispatch
        return {i.path: i.sha256 for i in (*dispatch.command.inputs, *dispatch.handed_on, *dispatch.kept)}


@dataclass(frozen=True)
class Succeeded:
    evidence: Evidence
    outputs: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class Failed:
    failure: FailureClass
    reason: str
    evidence: Evidence | None = None
    """None when no command was started."""


@dataclass(frozen=True)
class Suspended:
    """It has ended for now, with what it has."""

    waits_for: Suspension
    evidence: Evidence
    outputs: tuple[Artifact, ...] = ()


Ending = Succeeded | Suspended | Failed
"""What became of an attempt."""


@dataclass(frozen=True)
class EndedAttempt:
    attempt: HeldAttempt
    ending: Ending

    @property
    def id(self) -> AttemptId:
        return self.attempt.id
