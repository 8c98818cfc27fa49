"""What the use cases need of a database; `adapters` has it on SQL, the unit tests in memory.

Repository methods are set-based: one statement each, however many rows. Whoever changes tasks or runs of a project
holds that project's row first, several projects in the order of their ids.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.execution import FailureClass
from orchestra.contracts.ids import AttemptId, MemberId, PlanId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask, TasksDecomposed
from orchestra.contracts.scheduling import Handed, TaskChange, TaskStatus
from orchestra.scheduler.application.checkpoint_ports import Checkpoints
from orchestra.scheduler.application.fork_ports import Forks
from orchestra.scheduler.application.gate_ports import Finished, Gates, Key
from orchestra.scheduler.application.graph import Graph
from orchestra.scheduler.application.limit_ports import Limits
from orchestra.scheduler.application.people_ports import Log, Members, Roles
from orchestra.scheduler.application.project_ports import Plan, Plans, Projects, Schedules
from orchestra.scheduler.application.time_ports import Times
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

Totals = Mapping[TaskStatus, int]
Next = tuple[Task, Sequence[Handed]]
"""A task, and what those it comes after (FS) have produced."""


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
class Standing:
    """What a run goes on from."""

    members: Sequence[Member]
    pools: Sequence[str]
    """Those with ready tasks, be they paused or not due yet."""
    in_hand: Mapping[MemberId, int]
    """How many tasks each member has in hand in the project: assigned, queued, running or waiting."""
    changed: Sequence[Task]
    """Ready tasks that a newer plan has otherwise."""
    gone: Sequence[Task]
    """Ready tasks that it has no longer."""


class Runs(Protocol):
    async def find(self, workspace_id: WorkspaceId, run_id: RunId) -> Run: ...

    async def get(self, run_id: RunId) -> Run: ...

    async def of_plan(self, key: Key, plan_id: PlanId) -> Run | None: ...

    async def add(self, run: Run) -> None: ...

    async def save(self, run: Run) -> None: ...

    async def open_in(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Run]:
        """Runs whose plan stands and that have not ended."""
        ...

    async def unended(self, key: Key) -> list[Run]:
        """Runs that may go on: neither finished nor cancelled, the newest first."""
        ...

    async def set_leftover(self, run_id: RunId, leftover: bool) -> None:
        """Whether tasks of the cancelled run are still to be cancelled."""
        ...

    async def with_leftover(self, limit: int) -> list[Run]: ...

    async def with_leftover_in(self, key: Key) -> list[Run]: ...

    async def to_look_at(self, limit: int) -> list[RunId]:
        """Open runs with a ready task whose pause is over, and those that have not begun though their plan stands."""
        ...


class Tasks(Protocol):
    async def add_graph(
        self,
        plan: Plan,
        tasks: Sequence[DecomposedTask],
        edges: Sequence[Edge],
        pools: Sequence[str],
        run_id: RunId | None,
    ) -> None:
        """Tasks whose start waits for nothing are ready, the others blocked."""
        ...

    async def find(self, workspace_id: WorkspaceId, task_id: TaskId) -> Task: ...

    async def some(self, task_ids: Sequence[TaskId]) -> list[Task]: ...

    async def of_plan(self, plan_id: PlanId) -> list[Task]:
        """All that the plan has, in its order."""
        ...

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, tuple[Dispatch, Task]]:
        """Each with its task. Raises Transient where one is not known yet, so that what was said of it is kept."""
        ...

    async def give_to_run(self, plan_id: PlanId, run_id: RunId) -> None:
        """The plan's tasks, but those that are done or skipped: they stay with the run that did them."""
        ...

    async def finish(self, finished: Sequence[Finished]) -> None: ...

    async def hold(self, finished: Sequence[Finished]) -> None:
        """Their work is done, their ends are held back: they are in review."""
        ...

    async def release_after(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """Successors of these that nothing keeps from starting any more: they become ready, and are returned."""
        ...

    async def held_back(self, task_ids: Sequence[TaskId]) -> set[TaskId]:
        """Those of the tasks that something has to be done before."""
        ...

    async def forgotten(self, limit: int) -> list[Task]:
        """Blocked tasks of begun runs that nothing holds back; in a healthy system there are none."""
        ...

    async def ready_in_pools(self, run_id: RunId) -> dict[str, int]:
        """How many ready tasks that are not paused and whose time has come, in which pool."""
        ...

    async def at_work(self, run: Run) -> bool:
        """Whether a machine task of the run is queued or running."""
        ...

    async def ready_heads(self, run_id: RunId) -> Mapping[str, int]:
        """The rank of the first task that is ready in each pool."""
        ...

    async def next_ready(self, run_id: RunId, pool: str, most: int) -> list[Task]:
        """The next of the pool that are not paused and whose time has come, in their order."""
        ...

    async def next_to_dispatch(self, run_id: RunId, pools: Mapping[str, int], *, whenever: bool = False) -> list[Next]:
        """The same of several pools, of each at most so many, with what is handed on to them.

        `whenever`: whatever their time.
        """
        ...

    async def next_for_people(self, run_id: RunId) -> list[Task]:
        """Ready tasks that the schedule has given to a member, in the order of their planned starts."""
        ...

    async def totals(self, run_id: RunId) -> tuple[Totals, Totals]:
        """How many tasks that go on by themselves, and how many of people, are in which state.

        A ready task that is paused is a person's; one of a person that is to begin later goes on by itself until then.
        """
        ...

    async def handed_on(self, task_ids: Sequence[TaskId], *, whose: bool = False) -> dict[TaskId, tuple[Handed, ...]]:
        """For each task, what those it comes after (FS) have produced. `whose`: with their keys and titles."""
        ...

    def queue(self, taken: Sequence[tuple[Task, MemberId, AttemptId]]) -> None:
        """With the next `flush` the tasks are queued with a new attempt and the next token, and dispatch rows stand."""
        ...

    async def assign(self, taken: Sequence[tuple[Task, MemberId]]) -> None: ...

    async def change(self, task_ids: Sequence[TaskId], **values: Any) -> None: ...

    async def of_run(
        self, run_id: RunId, statuses: Iterable[TaskStatus], *, limit: int | None = None
    ) -> list[Task]: ...

    async def in_hands_of(self, member_ids: Sequence[MemberId]) -> list[Task]:
        """What is assigned to them, queued for them or running."""
        ...

    async def carried_by(self, member_ids: Sequence[MemberId]) -> list[Task]:
        """The same, and what waits or is in review with work still to do: the workload."""
        ...


class Dispatches(Protocol):
    async def heard(self, attempt_ids: Sequence[AttemptId]) -> None: ...

    async def recalled(self, attempt_ids: Sequence[AttemptId]) -> None:
        """Their executor was asked to give them back; they are open until it has answered."""
        ...

    def end(self, attempt_ids: Sequence[AttemptId], status: str, failure: FailureClass | None = None) -> None: ...

    async def silent(self, before: datetime, limit: int) -> list[tuple[Dispatch, Task]]:
        """Sent before the instant and not heard of since."""
        ...

    async def sent_again(self, attempt_ids: Sequence[AttemptId]) -> None: ...


class Changes(Protocol):
    def add(self, key: Key, run_id: RunId | None, changes: Sequence[TaskChange]) -> None: ...

    async def take(self, key: Key, limit: int) -> list[tuple[RunId | None, TaskChange]]: ...


class SchedulingWork(Protocol):
    """The unit of work of the scheduler."""

    now: datetime
    by: str | None
    """The caller whose command this is; None: the service acts by itself."""

    @property
    def back_off_s(self) -> float:
        """Seconds before the first further try; each next pause is twice as long."""
        ...

    @property
    def checkpoint_hours(self) -> tuple[float, float]:
        """After how many a checkpoint is asked again, and after how many it expires; 0: never."""
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
    def gates(self) -> Gates: ...

    @property
    def times(self) -> Times: ...

    @property
    def graph(self) -> Graph: ...

    @property
    def forks(self) -> Forks: ...

    @property
    def checkpoints(self) -> Checkpoints: ...

    @property
    def dispatches(self) -> Dispatches: ...

    @property
    def schedules(self) -> Schedules: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def log(self) -> Log: ...

    @property
    def roles(self) -> Roles: ...

    @property
    def limits(self) -> Limits: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...

    def trace_of(self, event: Event) -> str | None:
        """The trace that an event of this delivery came in, where others came with it."""
        ...

    def wake(self, name: str) -> None: ...

    async def standing(self, run: Run) -> Standing: ...

    async def flush(self) -> None:
        """Write what was put off, for whoever reads it."""
        ...

    async def gathered(self, event: TasksDecomposed) -> Iterator[TasksDecomposed] | None:
        """All parts in order once the last one has come, each read when it is asked for."""
        ...
