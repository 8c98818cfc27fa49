"""What the use cases need of a database; `adapters` has it on SQL, the unit tests in memory.

Repository methods are set-based: one statement each, however many rows. Whoever changes tasks or runs of a project
holds that project's row first, several projects in the order of their ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.execution import Artifact, Evidence, FailureClass
from orchestra.contracts.ids import AttemptId, MemberId, PlanId, ProjectId, RunId, Sha256, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask, Dependency, Input, TasksDecomposed
from orchestra.contracts.scheduling import TaskChange, TaskStatus
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.difference import Moved
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.placement import Placement, Schedule
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

Totals = Mapping[TaskStatus, int]
Key = tuple[WorkspaceId, ProjectId]


@dataclass(frozen=True)
class Project:
    workspace_id: WorkspaceId
    id: ProjectId
    graph_version: int
    """Counts the changes of tasks and dependencies."""
    schedule_version: int
    stale_cause: str | None
    """Why the published schedule is out of date; None: it is not."""
    stale_count: int
    grain: Grain

    @property
    def calendar(self) -> Calendar:
        return self.grain.calendar


@dataclass(frozen=True)
class Plan:
    id: PlanId
    workspace_id: WorkspaceId
    project_id: ProjectId
    version: int
    hash: Sha256
    applied_at: datetime


@dataclass(frozen=True)
class Dispatch:
    attempt_id: AttemptId
    task_id: TaskId
    run_id: RunId
    member_id: MemberId
    number: int
    token: int
    open: bool


@dataclass(frozen=True)
class Finished:
    task: Task
    started_at: datetime | None
    ended_at: datetime
    outputs: tuple[Artifact, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True)
class PublishedSchedule:
    version: int
    input_hash: Sha256
    cause: str
    as_of: datetime
    at: datetime
    schedule: Schedule


class Projects(Protocol):
    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
        """The project, made if it is not known yet, held until the transaction ends."""
        ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None: ...

    async def set_grain(self, project: Project, grain: Grain) -> None: ...

    async def graph_changed(self, project: Project) -> int:
        """The new graph version."""
        ...

    async def mark_stale(self, keys: Iterable[Key], cause: str) -> None:
        """The schedule no longer follows from what is known; the first cause stands until it is recalculated."""
        ...

    async def stale(self, limit: int) -> list[Key]:
        """Projects whose schedule is stale and need not rest, the longest rested first."""
        ...

    async def put_off(self, key: Key, until: datetime) -> None:
        """Its schedule rests until then, stale or not."""
        ...

    async def overdue(self, limit: int) -> list[Key]:
        """Projects where a running task's planned end has passed since the last calculation."""
        ...

    async def untold(self, before: datetime, limit: int) -> list[Key]:
        """Projects with task changes that nobody was told of, last told before the instant."""
        ...

    async def next_sequence(self, key: Key) -> int: ...


class Members(Protocol):
    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Member]:
        """By key; those who have left are not among them."""
        ...

    async def replace(self, project: Project, members: Sequence[Member]) -> list[MemberId]:
        """The ids of those who have left by it."""
        ...


class Plans(Protocol):
    async def find(self, plan_id: PlanId) -> Plan | None: ...

    async def add(self, plan: Plan) -> None: ...


class Runs(Protocol):
    async def find(self, workspace_id: WorkspaceId, run_id: RunId) -> Run: ...

    async def get(self, run_id: RunId) -> Run: ...

    async def of_plan(self, key: Key, plan_id: PlanId) -> Run | None: ...

    async def add(self, run: Run) -> None: ...

    async def save(self, run: Run) -> None: ...

    async def open_in(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Run]:
        """Runs whose plan stands and that have not ended."""
        ...

    async def to_look_at(self, limit: int) -> list[RunId]:
        """Open runs with a ready task whose pause is over, and those that have not begun though their plan stands."""
        ...


class Tasks(Protocol):
    async def add_graph(
        self,
        plan: Plan,
        tasks: Sequence[DecomposedTask],
        dependencies: Sequence[Dependency],
        pools: Sequence[str],
        run_id: RunId | None,
    ) -> None:
        """Tasks without predecessors are ready, the others blocked."""
        ...

    async def find(self, workspace_id: WorkspaceId, task_id: TaskId) -> Task: ...

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, tuple[Dispatch, Task]]: ...

    async def give_to_run(self, plan_id: PlanId, run_id: RunId) -> None: ...

    async def finish(self, finished: Sequence[Finished]) -> None: ...

    async def release_after(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Successors of these whose predecessors are now all done or skipped: they become ready, and are returned."""
        ...

    async def forgotten(self, limit: int) -> list[Task]:
        """Blocked tasks of begun runs whose predecessors all are done; in a healthy system there are none."""
        ...

    async def ready_pools(self, run_id: RunId) -> dict[str, int]:
        """Pools with ready tasks whose time has come, and how many."""
        ...

    async def next_ready(self, run_id: RunId, pools: Sequence[str], limit: int) -> list[Task]: ...

    async def next_for_people(self, run_id: RunId) -> list[Task]:
        """Ready tasks that the schedule has given to a member, in the order of their planned starts."""
        ...

    async def in_hand(self, workspace_id: WorkspaceId, project_id: ProjectId) -> dict[MemberId, int]:
        """How many tasks each member has in hand: assigned, queued, running, in review or waiting."""
        ...

    async def totals(self, run_id: RunId) -> tuple[Totals, Totals]:
        """How many machine tasks, and how many of people, are in which state."""
        ...

    async def handed_on(self, task_ids: Sequence[TaskId]) -> dict[TaskId, tuple[Input, ...]]:
        """For each task, what its predecessors produced."""
        ...

    async def queue(self, taken: Sequence[tuple[Task, MemberId, AttemptId]]) -> None:
        """The tasks are queued with a new attempt and the next token, and dispatch rows stand."""
        ...

    async def assign(self, taken: Sequence[tuple[Task, MemberId]]) -> None: ...

    async def change(self, task_ids: Sequence[TaskId], **values: Any) -> None: ...

    async def of_run(self, run_id: RunId, statuses: Iterable[TaskStatus]) -> list[Task]: ...

    async def assigned_to(self, member_ids: Sequence[MemberId]) -> list[Task]: ...


class Dispatches(Protocol):
    async def heard(self, attempt_ids: Sequence[AttemptId]) -> None: ...

    async def end(self, attempt_ids: Sequence[AttemptId], status: str, failure: FailureClass | None = None) -> None: ...

    async def silent(self, before: datetime, limit: int) -> list[tuple[Dispatch, Task]]:
        """Sent before the instant and not heard of since."""
        ...

    async def sent_again(self, attempt_ids: Sequence[AttemptId]) -> None: ...


class Schedules(Protocol):
    async def snapshot(self, project: Project) -> Snapshot: ...

    async def latest(self, project_id: ProjectId) -> PublishedSchedule | None: ...

    async def publish(self, project: Project, published: PublishedSchedule, moves: Sequence[Moved]) -> None:
        """The schedule stands as the project's next version; what made it stale since it was read still does."""
        ...

    async def set_planned(self, placements: Sequence[Placement], unplaced: Sequence[TaskId]) -> None: ...

    async def unchanged(self, project: Project) -> None:
        """The published schedule still follows from what is known."""
        ...


class Changes(Protocol):
    async def add(self, key: Key, run_id: RunId | None, changes: Sequence[TaskChange]) -> None: ...

    async def take(self, key: Key, limit: int) -> list[tuple[RunId | None, TaskChange]]: ...


class SchedulingWork(Protocol):
    """The unit of work of the scheduler."""

    now: datetime

    @property
    def back_off_s(self) -> float:
        """Seconds before the first further try; each next pause is twice as long."""
        ...

    @property
    def projects(self) -> Projects: ...

    @property
    def members(self) -> Members: ...

    @property
    def plans(self) -> Plans: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def tasks(self) -> Tasks: ...

    @property
    def dispatches(self) -> Dispatches: ...

    @property
    def schedules(self) -> Schedules: ...

    @property
    def changes(self) -> Changes: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...

    def wake(self, name: str) -> None: ...

    async def gathered(self, event: TasksDecomposed) -> list[TasksDecomposed] | None:
        """All parts in order once the last one has come."""
        ...
