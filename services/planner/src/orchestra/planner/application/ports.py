"""What the use cases need from the outside."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from orchestra.contracts.event import Event, PartedEvent
from orchestra.contracts.ids import CallId, PlanId, ProjectId, Sha256, TaskId, WorkspaceId
from orchestra.contracts.planning import Fault, PlanMode, PlanRequested, TaskRequest
from orchestra.planner.application.views import PlanSummary, Project, RequirementView
from orchestra.planner.domain.decompose import Stored
from orchestra.planner.domain.document import Block
from orchestra.planner.domain.plan import Plan
from orchestra.planner.domain.requirements import Requirement

Part = TypeVar("Part", bound=PartedEvent)

ReadBlocks = Callable[[str], Iterable[Block]]
"""Reads a document. May take seconds: never called on the event loop."""


class Draft(NamedTuple):
    """What a model wants to have planned."""

    tasks: tuple[TaskRequest, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class Drafts:
    """How drafts are written."""

    schema: Callable[[bool], dict[str, Any]]
    """JSON Schema, with work for AI agents or without."""
    read: Callable[[str], Draft]
    """Raises InvalidPlan, with pointers into the text, where it does not keep to the schema."""


@dataclass(frozen=True)
class ModelCall:
    """What a model was asked for a plan."""

    id: CallId
    status: Literal["asked", "answered", "failed", "cancelled"]
    answer: str | None
    faults: tuple[Fault, ...]
    """Why there is no answer."""
    model: str | None
    cost_micros: int


@dataclass(frozen=True)
class Waiting:
    """A request that no plan has been made of yet, and the trace that it came with."""

    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    mode: PlanMode
    trace: str | None
    read: Callable[[], PlanRequested]
    """May take seconds: never called on the event loop."""


@dataclass(frozen=True)
class Approved:
    """A plan that stands or stood, as it is handed on."""

    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    version: int
    hash: Sha256
    supersedes: PlanId | None
    trace: str | None
    """Of the approval."""
    plan: Stored


class Proposal(NamedTuple):
    version: int
    hash: Sha256
    plan: Plan


class Projects(Protocol):
    async def add(self, workspace_id: WorkspaceId, project: Project) -> None:
        """Does nothing when the workspace has a project of this id."""
        ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None: ...

    async def page(
        self, workspace_id: WorkspaceId, *, after: ProjectId, limit: int, archived: bool | None = None
    ) -> list[Project]:
        """By id; `archived` keeps those that are, or those that are not."""
        ...

    async def describe(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str, description: str) -> None: ...

    async def file(
        self, workspace_id: WorkspaceId, project_id: ProjectId, archived_at: datetime | None, archiving: int
    ) -> None:
        """It is in the archive since then, or not; does nothing when a later `archiving` has been recorded."""
        ...

    async def versions(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        """How many plan versions it has."""
        ...

    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> int:
        """The same, and until this transaction ends nobody else gives a version or approves a plan of it.

        Raises ProjectArchived where a caller's command would change an archived project.
        """
        ...

    async def give_version(self, workspace_id: WorkspaceId, project_id: ProjectId, version: int) -> None: ...


class Requirements(Protocol):
    async def ever(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Requirement]:
        """All that the project ever had: number and latest wording, those of the latest version last."""
        ...

    async def keep(
        self, workspace_id: WorkspaceId, project_id: ProjectId, version: int, requirements: Sequence[Requirement]
    ) -> None:
        """They are the requirements of this version."""
        ...

    async def page(
        self, workspace_id: WorkspaceId, project_id: ProjectId, *, after: int, limit: int
    ) -> list[RequirementView]:
        """By number, from the one that follows `after`."""
        ...


class Plans(Protocol):
    async def request(self, part: PlanRequested, parts: Sequence[str]) -> None:
        """A plan is requested by all these parts, in JSON, of which this is one.

        Does nothing when there is a plan of this id.
        """
        ...

    async def oldest_requested(self) -> Waiting | None:
        """Of all workspaces, among those that wait for no model."""
        ...

    async def requested(self, plan_id: PlanId) -> Waiting:
        """What was asked for. The plan exists."""
        ...

    async def propose(self, plan_id: PlanId, proposal: Proposal, follows: PlanId | None) -> bool:
        """False, and no change, when the plan is not `requested` any more."""
        ...

    async def add_proposed(
        self, workspace_id: WorkspaceId, plan: PlanSummary, proposal: Proposal, request: str
    ) -> None:
        """A plan that is proposed at once; `request` is what was asked for, as JSON."""
        ...

    async def fail(self, plan_id: PlanId, faults: Sequence[Fault]) -> bool:
        """False, and no change, when the plan is not `requested` any more."""
        ...

    async def find(self, workspace_id: WorkspaceId, plan_id: PlanId) -> PlanSummary | None: ...

    async def page(
        self, workspace_id: WorkspaceId, project_id: ProjectId, *, after: PlanId, limit: int
    ) -> list[PlanSummary]: ...

    async def proposal(self, plan_id: PlanId) -> Proposal | None:
        """None before it is proposed."""
        ...

    async def faults(self, plan_id: PlanId) -> Sequence[Fault]: ...

    async def task_ids(self, plan_id: PlanId) -> dict[str, TaskId]:
        """By key; empty before it is approved."""
        ...

    async def standing(self, workspace_id: WorkspaceId, project_id: ProjectId) -> PlanSummary | None:
        """The project's plan that is approved or applied; there is at most one."""
        ...

    async def keys(self, workspace_id: WorkspaceId, project_id: ProjectId) -> dict[str, TaskId]:
        """The ids of all tasks that approved plans of the project ever had, by key."""
        ...

    async def supersede(self, plan_id: PlanId, by: PlanId) -> bool:
        """The other plan takes its place. False, and no change, when it has just ceased to stand."""
        ...

    async def approve(self, plan_id: PlanId, approved_by: str) -> None:
        """The plan stands. It was `proposed`, and no other plan stands. The caller holds the project."""
        ...

    async def size(self, plan_id: PlanId) -> int | None:
        """How many tasks a proposed plan has; None: it is older than the count."""
        ...

    async def approved(self, plan_id: PlanId) -> Approved: ...

    async def next_to_hand_on(self) -> Approved | None:
        """The plan that was approved first of those whose graphs have not been handed on, of all workspaces."""
        ...

    async def hand_on(self, plan_id: PlanId, ids: Mapping[str, TaskId], covered: Iterable[tuple[int, int]]) -> bool:
        """The approved plan's tasks are known by these ids, in plan order; `covered` are numbers of requirements with
        places of tasks. False, and no change, where it was handed on before. The caller holds the project.
        """
        ...

    async def reject(self, plan_id: PlanId, rejected_by: str, reason: str) -> None:
        """It was `proposed`."""
        ...

    async def settle(
        self, workspace_id: WorkspaceId, plan_id: PlanId, *, applied: bool, faults: Sequence[Fault] = ()
    ) -> bool:
        """The scheduler's answer to an approved plan; False, and no change, when it stands no more or has been told.

        Raises Transient while the plan is not approved here yet.
        """
        ...

    async def restore(self, workspace_id: WorkspaceId, plan_id: PlanId) -> None:
        """The plan that was superseded stands again, applied as it was."""
        ...


class ModelCalls(Protocol):
    async def of_plan(self, plan_id: PlanId) -> list[ModelCall]:
        """In the order of their rounds."""
        ...

    async def ask(self, plan_id: PlanId, call_id: CallId, number: int) -> bool:
        """The plan waits for this call. False, and no change, where it is requested no more or waits for another."""
        ...

    async def end(self, call: ModelCall) -> bool:
        """It has an answer or never will, and its plan waits no more. False, and no change, when that was known."""
        ...

    async def cancel(self, plan_id: PlanId) -> list[CallId]:
        """Those of the plan's calls that were still asked for, and are no longer."""
        ...


class Completions(Protocol):
    async def add(self, workspace_id: WorkspaceId, done: Mapping[TaskId, datetime]) -> None:
        """When which tasks were done; nothing changes of one that is done already."""
        ...


class Work(Protocol):
    """One transaction, or a view that only reads."""

    now: datetime

    @property
    def projects(self) -> Projects: ...

    @property
    def requirements(self) -> Requirements: ...

    @property
    def plans(self) -> Plans: ...

    @property
    def completions(self) -> Completions: ...

    @property
    def model_calls(self) -> ModelCalls: ...

    def seal(self, text: str, about: str) -> str:
        """Only the executor, and this service, can open it."""
        ...

    def open(self, sealed: str, about: str) -> str: ...

    async def gathered(self, part: Part) -> Iterator[Part] | None:
        """All parts of the event once the last one has come, else None."""
        ...

    async def gathered_texts(self, part: PartedEvent) -> Sequence[str] | None:
        """The same as JSON."""
        ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...

    def wake(self, name: str) -> None: ...


class Store(Protocol):
    """Hands out transactions and views, for work that a single one must not span."""

    def begin(self) -> AbstractAsyncContextManager[Work]: ...

    def read(self) -> AbstractAsyncContextManager[Work]: ...
