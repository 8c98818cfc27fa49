"""The work graph, runs and the schedule: what the scheduler says. Only it says what state a task is in."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from orchestra.contracts.event import Event, Fact, PartedEvent
from orchestra.contracts.ids import AttemptId, MemberId, PlanId, ProjectId, RunId, Sha256, TaskId
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.planning import Command, Input

TaskStatus = Literal[
    "blocked",
    "ready",
    "assigned",
    "queued",
    "running",
    "in_review",
    "waiting",
    "done",
    "failed",
    "cancelled",
    "skipped",
]
RunStatus = Literal["accepted", "running", "waiting", "paused", "finished", "failed", "cancelled"]


class PlanApplied(Event, kind="plan.applied.v1", subject="plan_id"):
    """The approved graph stands. The counts after `tasks` say what became of tasks that an older plan had."""

    plan_id: PlanId
    graph_version: int
    tasks: int
    supersedes: PlanId | None = None
    """The plan that the scheduler went by until now."""
    added: int = 0
    changed: int = 0
    """Not started, and from now on as the new plan has them."""
    kept: int = 0
    """Started or ended otherwise than the new plan has them, and left as they are."""
    cancelled: int = 0
    """Not started, and no longer planned."""
    retired: int = 0
    """Started or ended, and no longer planned; what is under way ends as it would have."""


class PlanRefused(Event, kind="plan.refused.v1", subject="plan_id"):
    plan_id: PlanId
    code: str
    detail: str
    standing: PlanId | None = None
    """The plan that the scheduler goes by instead."""


class RunChanged(Event, kind="run.changed.v1", subject="run_id"):
    run_id: RunId
    plan_id: PlanId
    status: RunStatus
    epoch: int
    totals: dict[str, int]
    """Tasks of the run by status; a status that no task has is left out."""
    cause: str = ""


class ForkedTask(Fact):
    id: TaskId
    key: str
    done_at: datetime | None = None
    """It is adopted, and was done then; None: it is not, or was gone through in a dry run."""


class RunForked(PartedEvent, kind="run.forked.v1", subject="run_id"):
    """A run goes on from a step of another one, beside it: in a project of its own, by a plan of the same content.

    All that this event names besides its origin has come to be with it; the tasks are split over the parts, in order.
    """

    divided = ("tasks",)

    run_id: RunId
    plan_id: PlanId
    hash: Sha256
    name: str | None = None
    """Of the project; None: after the one that it comes from."""
    by: str
    from_run: RunId
    from_project: ProjectId
    from_plan: PlanId
    tasks: tuple[ForkedTask, ...]


class Handed(Input):
    """An output of a predecessor. Only an agent is told whose."""

    key: str = ""
    title: str = ""


class TaskDispatched(Event, kind="task.dispatched.v1", subject="attempt_id", packed=True):
    """One try at one task is wanted: dispatch and attempt are the same thing, under one fencing token."""

    run_id: RunId
    task_id: TaskId
    attempt_id: AttemptId
    number: int
    """1 for the first try."""
    token: int
    key: str = ""
    """The task's, in its plan; empty from a publisher that does not tell it yet."""
    title: str
    command: Command
    handed_on: tuple[Handed, ...] = ()
    """Outputs of the task's predecessors, by content."""
    left_out: int = 0
    """How many more there are than an event can name; such an attempt cannot be performed."""
    dry_run: bool = False
    mutexes: dict[str, int] = Field(default_factory=dict[str, int])
    """The fencing token of each mutex that the command has; the next holder's is higher."""
    guidance: tuple[str, ...] = ()
    """What people who decided about earlier tries want this one to know, the oldest first."""
    agent: str = ""
    """By its name in the executor's registry, or `any`; empty for a plain command, like what follows."""
    feedback: tuple[str, ...] = ()
    """What earlier tries were found to lack, the oldest first."""
    kept: tuple[Input, ...] = ()
    """What the attempt before had when it was suspended."""
    answers: tuple[AgentAnswer, ...] = ()
    """To what earlier attempts waited for, the oldest first."""
    at: datetime


class DispatchWithdrawn(Event, kind="dispatch.withdrawn.v1", subject="attempt_id"):
    """The attempt is not wanted any more; it beats a TaskDispatched that arrives later."""

    task_id: TaskId
    attempt_id: AttemptId
    reason: str


class DispatchRecalled(Event, kind="dispatch.recalled.v1", subject="attempt_id"):
    """Nothing is to be begun for now: the attempt is given back, unless it has begun. Then it goes on to its end."""

    task_id: TaskId
    attempt_id: AttemptId
    token: int
    reason: str


class TaskChange(Fact):
    task_id: TaskId
    key: str
    title: str
    before: TaskStatus | None
    after: TaskStatus
    cause: str
    attempt: int = 0
    assignee: MemberId | None = None
    paused: bool = False
    """Nothing of it is started for now. A change of this alone has the same state before and after."""
    at: datetime


class TasksChanged(Event, kind="tasks.changed.v1", subject="project_id"):
    """What became of tasks since the last one, coalesced: at most four a second a project."""

    changes: tuple[TaskChange, ...]
    run_id: RunId | None = None


class TaskCompleted(Event, kind="task.completed.v1", subject="task_id"):
    task_id: TaskId
    plan_id: PlanId
    run_id: RunId | None
    key: str
    covers: tuple[str, ...]
    outputs: tuple[Input, ...] = ()
    at: datetime


class Move(Fact):
    """A task whose planned dates or member changed; None before: newly planned, None after: no longer planned."""

    task_id: TaskId
    start_before: datetime | None = None
    start_after: datetime | None = None
    end_before: datetime | None = None
    end_after: datetime | None = None
    cause: str


class ScheduleRecalculated(Event, kind="schedule.recalculated.v1", subject="project_id"):
    version: int
    input_hash: Sha256
    cause: str
    project_end: datetime | None
    tasks: int
    moved: int
    moves: tuple[Move, ...]
    """The first 200; the rest is fetched by version."""


class ProjectChanged(Event, kind="project.changed.v1", subject="project_id"):
    """It went into the archive, where it takes no changes, or came out again."""

    archived_at: datetime | None
    """None: it is not in the archive."""
    by: str
