"""A run: one execution of an approved plan."""

from dataclasses import dataclass
from datetime import datetime

from orchestra.contracts.ids import PlanId, ProjectId, RunId, Sha256, WorkspaceId
from orchestra.contracts.scheduling import RunStatus


@dataclass(frozen=True, slots=True)
class Run:
    id: RunId
    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    plan_hash: Sha256
    status: RunStatus
    epoch: int
    """Counts the times it was opened; each epoch has exactly one terminal event."""
    sequence: int
    dry_run: bool
    concurrency: int | None
    """Machine tasks in flight at a time; None: what the agents' slots allow."""
    retries: int | None
    """Tries beyond the first for every command, in place of the plan's; None: the plan's."""
    requested_by: str
    trace: str | None
    """The traceparent of the request: all that the run does belongs to that trace."""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cause: str = ""
    waits_since: datetime | None = None
    """A limit or a mutex keeps something of it back, since then or since it was last served."""
    start_at: datetime | None = None
    """It does not begin before."""
    deadline: datetime | None = None
    """It is cancelled if it is open still; None: it has none, or was reopened after it."""
    forked_from: RunId | None = None
    """The run that it goes on from."""

    def early(self, now: datetime) -> bool:
        """Its time has not come."""
        return self.start_at is not None and self.start_at > now
