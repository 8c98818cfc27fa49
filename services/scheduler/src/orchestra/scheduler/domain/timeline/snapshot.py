"""What a calculation is made from. Equal snapshots give equal schedules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import itemgetter

from orchestra.contracts.ids import MemberId, TaskId
from orchestra.contracts.planning import Wait
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.calendar import Calendar, minute_of
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.placement import Schedule
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.graph import arrange
from orchestra.scheduler.domain.work.status import OPEN

_ENDS = itemgetter(0, 1)


@dataclass(frozen=True)
class Task:
    id: TaskId
    order: int
    """Its place in the plan."""
    status: TaskStatus
    need: Need
    assignee: MemberId | None = None
    """Who has it already; None leaves the choice to the calculation."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    not_before: datetime | None = None
    performed_at: datetime | None = None
    """When its work was done, where its end is held back since then."""
    share: float | None = None
    """The share fixed when it started; None: the member's own."""
    priority: int = 0
    wait: Wait | None = None
    """Of a timer, which nobody does."""
    ends_at: datetime | None = None
    """When the timer, which counts, will be over."""

    def __post_init__(self) -> None:
        if self.status == "done" and self.ended_at is None:
            raise ValueError(f"{self.id} is done and has no end")

    @property
    def started(self) -> bool:
        """A task that is tried again or was given back is not started, whatever its first start was."""
        return self.started_at is not None and self.status in ("running", "in_review", "waiting")

    @property
    def movable(self) -> bool:
        """Its dates are for the calculation to choose; what has started or ended is a fact."""
        return self.status in OPEN and not self.started


@dataclass(frozen=True)
class Snapshot:
    as_of: datetime
    grain: Grain
    """With the project's calendar."""
    members: tuple[Member, ...]
    tasks: tuple[Task, ...]
    dependencies: tuple[Edge, ...] = ()
    previous: Schedule | None = None
    """The published schedule that should be disturbed as little as possible."""
    previous_version: int = 0
    """Its version, which stands for it in the hash; 0: none."""

    @property
    def calendar(self) -> Calendar:
        return self.grain.calendar

    @cached_property
    def now(self) -> int:
        """The minute the plan begins in."""
        return minute_of(self.grain.floor(self.as_of))

    @cached_property
    def by_id(self) -> dict[TaskId, Task]:
        """In plan order."""
        return {task.id: task for task in self._in_plan_order}

    @cached_property
    def order(self) -> tuple[TaskId, ...]:
        """Each task after its predecessors. Raises DuplicateTask, UnknownTask, CyclicDependency."""
        return arrange([task.id for task in self._in_plan_order], map(_ENDS, self.dependencies))

    @cached_property
    def edges_from(self) -> Mapping[TaskId, Sequence[Edge]]:
        """By predecessor, in the plan order of the successors."""
        return self._grouped(0, 1)

    @cached_property
    def edges_into(self) -> Mapping[TaskId, Sequence[Edge]]:
        """By successor, in the plan order of the predecessors."""
        return self._grouped(1, 0)

    def _grouped(self, by: int, ordered: int) -> Mapping[TaskId, Sequence[Edge]]:
        """The edges of each task that has any."""
        found: defaultdict[TaskId, list[Edge]] = defaultdict(list)
        for edge in self._edges:
            found[edge[by]].append(edge)  # pyright: ignore[reportArgumentType] - one of the two ends
        rank = self._rank
        for edges in found.values():
            if len(edges) > 1:
                edges.sort(key=lambda edge: (rank[edge[ordered]], edge))  # pyright: ignore[reportArgumentType]
        return found

    @cached_property
    def _edges(self) -> Iterable[Edge]:
        return dict.fromkeys(self.dependencies)

    @cached_property
    def _rank(self) -> Mapping[TaskId, int]:
        return {task: place for place, task in enumerate(self.by_id)}

    @cached_property
    def project_time(self) -> WorkingTime:
        """On which lags in working time are counted."""
        return WorkingTime.of(self.calendar)

    @cached_property
    def working_times(self) -> dict[MemberId, WorkingTime]:
        return {member.id: member.working_time(self.calendar) for member in self.members}

    @property
    def _in_plan_order(self) -> list[Task]:
        return sorted(self.tasks, key=lambda task: (task.order, task.id))
