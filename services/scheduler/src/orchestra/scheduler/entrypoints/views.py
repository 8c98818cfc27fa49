"""The shapes that the scheduler answers with."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from orchestra.contracts.checkpoints import CheckpointAnswer
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.planning import Command, DependencyKind, LagClock, Wait
from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.contracts.suspensions import Suspension
from orchestra.scheduler.domain.work.explanation import WaitKind


class MemberView(BaseModel):
    id: str
    key: str
    name: str
    kind: str


class PersonView(BaseModel):
    key: str
    name: str


class WaitingView(BaseModel):
    task_id: str
    key: str
    title: str
    member: PersonView | None
    reason: str
    paused: bool = False
    """Its own pause is what keeps it: it waits to be resumed."""
    checkpoint_id: str | None = None
    """What somebody has to answer, where it waits for a decision."""
    question: str | None = None
    """What it asks."""
    choices: list[CheckpointAnswer] = []
    """What it can be answered with."""


class RunView(BaseModel):
    id: str
    project_id: str
    plan_id: str
    status: RunStatus
    epoch: int
    dry_run: bool
    concurrency: int | None
    totals: dict[str, int] = {}
    waiting_for: list[WaitingView] = []
    sandbox_levels: dict[str, int] = {}
    """How many tasks were done at which level of the sandbox."""
    cgroups: dict[str, int] = {}
    """How many of those had which version of control groups, or `none`."""
    schedule_is_current: bool = True
    """False while something has happened that the published schedule does not know yet."""
    open_checkpoints: int = 0
    """Decisions that people owe it."""
    cause: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    start_at: datetime | None = None
    """It does not begin before."""
    deadline: datetime | None = None
    """It is cancelled if it is open still."""
    forked_from: str | None = None
    """The run that it goes on from; what that one had done stands here as adopted."""


class DependencyView(BaseModel):
    """What the task may not do before another has started or ended."""

    task_id: str
    key: str
    kind: DependencyKind
    lag_minutes: int
    clock: LagClock
    opens_at: datetime | None
    """When its lag is or was over; None before it is counted, and without a lag."""


class TaskView(BaseModel):
    id: str
    key: str
    title: str
    order: int
    project_id: str
    plan_id: str
    run_id: str | None
    status: TaskStatus
    role: str | None
    covers: list[str]
    criteria: list[str]
    points: float | None
    minutes: int | None
    priority: int
    after: list[str]
    dependencies: list[DependencyView]
    command: Command | None
    start_at: datetime | None
    """It is given to nobody before."""
    deadline: datetime | None
    late: bool
    """It has not ended by its deadline, or ended after it."""
    wait: Wait | None
    """With it the task is a timer, which nobody does; while it counts it is running until its `planned_end`."""
    assignee: MemberView | None
    planned_member: MemberView | None
    planned_start: datetime | None
    planned_end: datetime | None
    started_at: datetime | None
    performed_at: datetime | None
    """When its work was done, where its end had to wait for others."""
    ended_at: datetime | None
    progress: int | None = None
    """Percent, as last reported by its assignee."""
    attempts: int
    attempt_id: str | None
    last_failure: dict[str, Any] | None
    next_try_at: datetime | None
    paused_by: str | None
    checkpoint_id: str | None = None
    """The open checkpoint: what somebody has to decide about it."""
    guidance: list[str] = []
    """What people who decided about it want further tries to know, the oldest first."""
    feedback: list[str] = []
    """What attempts of its agent were found to lack, the oldest first."""
    kept: list[Artifact] = []
    """What its agent's last attempt had when it was suspended."""
    waits_for: Suspension | None = None
    """What its last attempt waits for, where that has ended for now."""
    edited_inputs: dict[str, str] = {}
    """Input files that further tries find with other content, by path."""
    outputs: list[Artifact]
    evidence: Evidence | None
    adopted_from: str | None = None
    """The task of another run that did it: outputs, evidence, times and the attempt are those of that one."""
    critical: bool
    slack_minutes: int | None
    retired: bool = False
    """The plan that stands has it no longer."""
    newer: dict[str, Any] | None = None
    """What the plan that stands says of it instead, by field, since it was started; a further try goes by that."""
    cursor: str = ""


class WaitView(BaseModel):
    kind: WaitKind
    id: str
    text: str


class ExplanationView(BaseModel):
    task_id: str
    key: str
    status: TaskStatus
    sentence: str
    waits_for: list[WaitView]


class PlannedTaskView(BaseModel):
    task_id: str
    key: str
    title: str
    member: MemberView | None
    start: datetime
    end: datetime
    slack_minutes: int
    critical: bool
    cause: str
    held: str | None = None
    """What its end waits for after its work is done."""
    late: bool = False
    """It is planned to end after its deadline."""


class UnplacedView(BaseModel):
    task_id: str
    key: str
    reason: str


class ScheduleView(BaseModel):
    version: int
    input_hash: str
    cause: str
    as_of: datetime
    at: datetime
    project_end: datetime | None
    critical_path: list[str]
    tasks: list[PlannedTaskView]
    unplaced: list[UnplacedView]
    moves: list[dict[str, Any]]


class ScheduleSummary(BaseModel):
    version: int
    input_hash: str
    cause: str
    as_of: datetime
    at: datetime
    project_end: datetime | None
    moved: int
