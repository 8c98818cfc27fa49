"""An attempt: one try at one task, from its dispatch to its one end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.execution import Artifact, Evidence, FailureClass
from orchestra.contracts.ids import AttemptId, Sha256, WorkspaceId
from orchestra.contracts.scheduling import TaskDispatched

AttemptStatus = Literal["queued", "leased", "running", "succeeded", "failed", "withdrawn"]

ATTEMPT_MOVES: Mapping[AttemptStatus, frozenset[AttemptStatus]] = {
    "queued": frozenset({"leased", "withdrawn"}),
    "leased": frozenset({"running", "succeeded", "failed"}),
    "running": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "withdrawn": frozenset(),
}
"""Not obvious from the names:

- `leased` becomes `running` only after a second; what is quicker goes straight to its end.
- Only what was never begun becomes `withdrawn`; what is stopped on its way has `failed`, as cancelled.
- Nothing goes back to `queued`: a lost attempt has failed, and a further try is an attempt of its own.
"""

HELD: frozenset[AttemptStatus] = frozenset({"leased", "running"})
"""Somebody has it under a lease."""


def sources(after: AttemptStatus) -> frozenset[AttemptStatus]:
    """The states from which an attempt may become `after`."""
    return frozenset(before for before, moves in ATTEMPT_MOVES.items() if after in moves)


@dataclass(frozen=True)
class HeldAttempt:
    """An attempt under the lease of `owner`."""

    dispatch: TaskDispatched
    owner: str
    started_at: datetime
    """When the lease was taken."""
    trace: str | None
    """The traceparent that came with the dispatch."""

    @property
    def id(self) -> AttemptId:
        return self.dispatch.attempt_id

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.dispatch.workspace_id

    @property
    def contents(self) -> Mapping[str, Sha256]:
        """{path: content} of its workspace; what its predecessors handed on lies over the project's own files."""
        return {i.path: i.sha256 for i in (*self.dispatch.command.inputs, *self.dispatch.handed_on)}


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


Ending = Succeeded | Failed
"""What became of an attempt."""


@dataclass(frozen=True)
class EndedAttempt:
    attempt: HeldAttempt
    ending: Ending
