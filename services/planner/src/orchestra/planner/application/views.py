"""What the planner shows of its projects, requirements and plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.ids import PlanId, ProjectId, Sha256, TaskId
from orchestra.contracts.machine_work import AgentRequest
from orchestra.contracts.planning import AfterRequest, CommandRequest, Fault, PlanMode, Wait
from orchestra.planner.domain.compare import Difference

PlanStatus = Literal["requested", "proposed", "failed", "rejected", "approved", "applied", "refused", "superseded"]
"""`failed`: it never became a plan. `refused`: the scheduler would not take the approved graph."""


@dataclass(frozen=True)
class Project:
    id: ProjectId
    name: str
    created_at: datetime
    description: str = ""
    archived_at: datetime | None = None
    """Since when it takes no changes."""


@dataclass(frozen=True)
class RequirementView:
    ref: str
    text: str
    section: Sequence[str]
    line: int
    """In the document of `plan_version`; 1 for the first."""
    plan_version: int
    """The last version that had it."""
    covered_by: Sequence[str]
    """Keys of tasks of the plan that stands (approved or applied), in plan order."""
    tasks_total: int
    tasks_done: int
    satisfied: bool
    """It is covered, and every task that covers it is done."""


@dataclass(frozen=True)
class PlanSummary:
    id: PlanId
    project_id: ProjectId
    version: int | None
    """None until it is proposed; a plan that failed gets none."""
    status: PlanStatus
    mode: PlanMode
    hash: Sha256 | None
    document_name: str
    requested_by: str
    approved_by: str | None
    created_at: datetime
    planned_at: datetime | None
    approved_at: datetime | None
    settled_at: datetime | None
    """When the scheduler applied or refused it."""
    follows: PlanId | None
    """The plan that stood when it was proposed; only while that one stands can this one be approved."""
    superseded_by: PlanId | None
    rejected_by: str | None
    reason: str | None
    """Why it was rejected."""
    ended_at: datetime | None
    """When it was rejected or superseded."""


@dataclass(frozen=True)
class StatedRequirement:
    ref: str
    text: str
    section: Sequence[str]
    line: int


@dataclass(frozen=True)
class PlannedTask:
    id: TaskId | None
    """None until the plan is approved."""
    key: str
    title: str
    covers: Sequence[str]
    points: float | None
    minutes: int | None
    role: str | None
    criteria: Sequence[str]
    priority: int
    after: Sequence[str]
    dependencies: Sequence[AfterRequest]
    """The same with their kinds and lags."""
    command: CommandRequest | None
    agent: AgentRequest | None = None
    start_at: datetime | None = None
    deadline: datetime | None = None
    wait: Wait | None = None


@dataclass(frozen=True)
class PlanView(PlanSummary):
    requirements: Sequence[StatedRequirement]
    tasks: Sequence[PlannedTask]
    coverage: Mapping[str, Sequence[str]]
    """The keys of the tasks that cover it, by requirement."""
    gaps: Sequence[str]
    """The requirements that no task covers."""
    files: Mapping[str, Sha256]
    """The project's files that tasks read, by path."""
    assumptions: Sequence[str]
    faults: Sequence[Fault]
    """Why it failed, or why the scheduler refused it."""


@dataclass(frozen=True)
class PlanDifference:
    """What changes from the plan `against_id` (None: from nothing) to the plan `plan_id`."""

    plan_id: PlanId
    version: int | None
    against_id: PlanId | None
    against_version: int | None
    changes: Difference
