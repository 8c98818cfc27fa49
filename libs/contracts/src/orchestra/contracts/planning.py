"""Requirements and plans: what is asked for, proposed, approved and handed on as a graph of tasks."""

from typing import Literal

from pydantic import Field

from orchestra.contracts.event import Event, Fact, PartedEvent
from orchestra.contracts.ids import PlanId, Sha256, TaskId
from orchestra.contracts.machine_work import AgentBrief, AgentKind, AgentRequest, MachineTerms
from orchestra.contracts.moments import Moment

PlanMode = Literal["document", "given", "model", "auto"]
"""`document`: the tasks follow from the document's own structure. `given`: the request brings the tasks.
`model`: a language model makes them. `auto`: the same where one is configured, else as `document`."""


class FailOn(Fact):
    """What makes an attempt fail beyond a non-zero exit status.

    `exit` lists exit statuses that are permanent: no further try. `output` lists texts whose appearance in
    standard output or standard error fails the attempt although the command exits with 0.
    """

    exit: tuple[int, ...] = ()
    output: tuple[str, ...] = ()


class CommandTerms(MachineTerms):
    """What is the same of a command whether it is asked for or handed on."""

    argv: tuple[str, ...]
    tools: tuple[str, ...] = ()
    fail_on: FailOn = FailOn()


class CommandRequest(CommandTerms):
    """A command as `plan.yaml` gives it."""

    inputs: tuple[str, ...] = ()


LagClock = Literal["working", "elapsed"]
"""`working`: minutes of the project's calendar; `elapsed`: minutes by the clock."""


class Wait(Fact):
    """What makes a task a timer: nobody does it, it is done when so much time has passed."""

    minutes: int
    clock: LagClock = "elapsed"


class TaskTerms(Fact):
    """What is the same of a task whether it is asked for or handed on."""

    title: str
    covers: tuple[str, ...] = ()
    points: float | None = None
    minutes: int | None = None
    role: str | None = None
    criteria: tuple[str, ...] = ()
    priority: int = 0
    """Of tasks that are ready at the same time the higher one goes first; a point is worth a minute of waiting."""
    start_at: Moment | None = None
    """It is given to nobody before."""
    deadline: Moment | None = None
    """A command that has not ended by then has failed; a person's task is late."""
    wait: Wait | None = None
    """With it the task is a timer: it has neither command nor role nor estimate."""


DependencyKind = Literal["FS", "SS", "FF", "SF"]
"""Which end of the predecessor (first letter) gates which end of the successor: S its start, F its finish.

| | the successor may not … | before the predecessor has … |
|---|---|---|
| `FS` | start | finished |
| `SS` | start | started |
| `FF` | finish | finished |
| `SF` | finish | started |
"""


class DependencyTerms(Fact):
    """What is the same of a dependency whether it is asked for or handed on."""

    kind: DependencyKind = "FS"
    lag_minutes: int = 0
    """How long after what it waits for its gate opens; never negative."""
    clock: LagClock = "working"


class AfterRequest(DependencyTerms):
    """A dependency with more to say than the predecessor's name."""

    task: str


class TaskRequest(TaskTerms):
    """A task as `plan.yaml` gives it; `id` is the author's name for it, unique in the plan."""

    id: str
    after: tuple[str | AfterRequest, ...] = ()
    """A name alone: finish to start, without lag."""
    command: CommandRequest | None = None
    agent: AgentRequest | None = None
    """Instead of a command: an AI agent does it."""

    @property
    def work(self) -> CommandRequest | AgentRequest | None:
        """What a machine does of it; None: it is a person's, or a timer."""
        return self.command or self.agent


class TeamMember(Fact):
    """Somebody that work may be planned for, as far as a plan has to know. Those who are alike are named once."""

    roles: tuple[str, ...] = ()
    kinds: tuple[AgentKind, ...] = ()
    """Work that it is given as an AI agent; of a person none."""
    tools: tuple[str, ...] = ()
    """What it may be given to work with as an AI agent."""
    capabilities: tuple[str, ...] = ()
    """Words for what it is good at as an AI agent."""


class PlanRequested(PartedEvent, kind="plan.requested.v1", subject="plan_id"):
    """Somebody wants a plan. The document's text, the tasks and the team are split over the parts, in order."""

    divided = ("document", "tasks", "files", "team")

    plan_id: PlanId
    mode: PlanMode
    project_name: str
    document_name: str
    document: str = ""
    tasks: tuple[TaskRequest, ...] = ()
    files: dict[str, Sha256] = Field(default_factory=dict)
    team: tuple[TeamMember, ...] = ()
    """Whom a model may plan for, as it was when the plan was asked for; empty: nobody knows."""
    requested_by: str


class Fault(Fact):
    """One thing wrong with a request: a JSON Pointer to the place, a code, a sentence."""

    pointer: str
    code: str
    detail: str


class PlanProposed(Event, kind="plan.proposed.v1", subject="plan_id"):
    plan_id: PlanId
    version: int
    hash: Sha256
    requirements: int
    tasks: int
    gaps: tuple[str, ...]
    """Requirements that no task covers, the first 200."""
    follows: PlanId | None = None
    """The plan that stood when this one was proposed; only while it stands can this one be approved."""


class PlanFailed(Event, kind="plan.failed.v1", subject="plan_id"):
    plan_id: PlanId
    faults: tuple[Fault, ...]


class PlanApproved(Event, kind="plan.approved.v1", subject="plan_id"):
    plan_id: PlanId
    version: int
    hash: Sha256
    approved_by: str
    supersedes: PlanId | None = None
    """The plan that stood until now."""


class PlanRejected(Event, kind="plan.rejected.v1", subject="plan_id"):
    """Somebody has read the plan and does not want it."""

    plan_id: PlanId
    version: int
    hash: Sha256
    rejected_by: str
    reason: str = ""


class Input(Fact):
    """A project file at `path` in the workspace, by content."""

    path: str
    sha256: Sha256


class Command(CommandTerms):
    """What a machine does, its project files named by content; what its predecessors produced comes on top."""

    argv: tuple[str, ...] = ()
    """Empty where an agent does it."""
    agent: AgentBrief | None = None
    """With it an AI agent does it, and `tools` are the programs that it and its checks may run."""

    inputs: tuple[Input, ...] = ()
    needs: tuple[str, ...] = ()
    """Paths that its predecessors' outputs must provide."""


class DecomposedTask(TaskTerms):
    id: TaskId
    key: str
    """The author's name for it."""
    command: Command | None = None


class Dependency(DependencyTerms):
    """What `successor` may not do before `predecessor` has started or finished, by its `kind`."""

    predecessor: TaskId
    successor: TaskId


class TasksDecomposed(PartedEvent, kind="tasks.decomposed.v1", subject="plan_id"):
    """The approved graph, in parts: the tasks in plan order, each edge in the part of its successor.

    It is whole, so that of two versions that arrive in either order the newer one stands. A task keeps its id under
    its key through all versions of the project's plan.
    """

    divided = ("tasks", "dependencies")

    plan_id: PlanId
    version: int
    hash: Sha256
    supersedes: PlanId | None = None
    """The plan whose place it takes; what of that was not started and is not named here is cancelled."""
    tasks: tuple[DecomposedTask, ...]
    dependencies: tuple[Dependency, ...] = ()
