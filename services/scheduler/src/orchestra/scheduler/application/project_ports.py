"""What the use cases need of a database for projects, their plans and their schedules; `ports` has the rest."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from orchestra.contracts.ids import MemberId, PlanId, ProjectId, Sha256, TaskId, WorkspaceId
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.difference import Moved
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.placement import Schedule
from orchestra.scheduler.domain.timeline.snapshot import Snapshot


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
    people_choose: bool = False
    """People take their tasks themselves; otherwise each gets the next one that the schedule has given them."""
    archived_at: datetime | None = None
    archivings: int = 0
    """Counts how often it went into the archive and came out: the order of these."""

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
class PublishedSchedule:
    version: int
    input_hash: Sha256
    cause: str
    as_of: datetime
    at: datetime
    schedule: Schedule


class Planned(NamedTuple):
    """What of a placement stands with the task."""

    task: TaskId
    member: MemberId | None
    start: datetime
    end: datetime
    share: float


@dataclass(frozen=True)
class Calculated:
    """What a calculation came to, as it is stored: whoever stores it need not read the schedule."""

    project: Project
    """As it was read."""
    input_hash: Sha256
    as_of: datetime
    project_end: datetime | None
    tasks: int
    """With dates."""
    changed: bool
    """It differs from the published one. If not, nothing follows."""
    moved: int
    moves: Sequence[Moved] = ()
    """The first of those that moved."""
    planned: Sequence[Planned] = ()
    """What moved, as far as it has dates."""
    unplaced: Sequence[TaskId] = ()
    content: str = ""
    """The schedule and all moves, as JSON."""
    seconds: float = field(default=0.0, compare=False)
    """Of a processor, that it took."""


Calculate = Callable[[Key], Awaitable[Calculated | None]]
"""None: the project's schedule is not stale."""


class Projects(Protocol):
    async def hold(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
        """The project, made if it is not known yet, held until the transaction ends.

        Raises ProjectArchived where a caller's command would change an archived one; what the service does by itself
        goes on.
        """
        ...

    async def hold_archived_or_not(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project: ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Project | None: ...

    async def set_grain(self, project: Project, grain: Grain) -> None: ...

    async def set_people_choose(self, project: Project, people_choose: bool) -> None: ...

    async def set_archived(self, project: Project, at: datetime | None) -> Project:
        """The project as it is then."""
        ...

    async def graph_changed(self, project: Project) -> int:
        """The new graph version."""
        ...

    def mark_stale(self, keys: Iterable[Key], cause: str) -> None:
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

    def limited(self, workspace_id: WorkspaceId) -> bool:
        """Whether the workspace had limits when a project of it was held here."""
        ...


class Plans(Protocol):
    async def find(self, plan_id: PlanId) -> Plan | None: ...

    async def newest(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Plan | None:
        """The plan that the project goes by."""
        ...

    async def add(self, plan: Plan) -> None: ...


class Schedules(Protocol):
    async def snapshot(self, project: Project) -> Snapshot: ...

    async def latest(self, project_id: ProjectId) -> PublishedSchedule | None: ...

    def written(self, schedule: Schedule, moves: Sequence[Moved]) -> str:
        """As it is stored. May take seconds: never called on the event loop."""
        ...

    async def publish(self, calculated: Calculated) -> None:
        """The schedule stands as the project's next version; what made it stale since it was read still does."""
        ...

    async def set_planned(self, planned: Sequence[Planned], unplaced: Sequence[TaskId]) -> None: ...

    async def unchanged(self, project: Project) -> None:
        """The published schedule still follows from what is known."""
        ...
