"""Operations: what was asked for and is done by others, later."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.event import Event
from orchestra.contracts.ids import PlanId, ProjectId, WorkspaceId
from orchestra.contracts.planning import PlanFailed, PlanProposed

OperationStatus = Literal["accepted", "succeeded", "failed"]


@dataclass(frozen=True)
class Operation:
    """A plan that was requested. It has succeeded when a plan is proposed."""

    id: str
    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    status: OperationStatus
    requested_by: str
    created_at: datetime
    ended_at: datetime | None = None


def settled_by(event: Event) -> tuple[PlanId, OperationStatus] | None:
    """The plan whose operation ends with this event, and how; None when the event ends none."""
    if isinstance(event, PlanProposed):
        return event.plan_id, "succeeded"
    if isinstance(event, PlanFailed):
        return event.plan_id, "failed"
    return None
