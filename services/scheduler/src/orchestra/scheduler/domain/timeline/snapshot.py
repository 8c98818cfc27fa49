"""What a calculation is made from. Equal snapshots give equal schedules."""

from dataclasses import dataclass
from datetime import datetime

from orchestra.contracts.ids import MemberId, TaskId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.placement import Schedule


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
    share: float | None = None
    """The share fixed when it started; None: the member's own."""

    def __post_init__(self) -> None:
        if self.status == "done" and self.ended_at is None:
            raise ValueError(f"{self.id} is done and has no end")

    @property
    def started(self) -> bool:
        """A task that is tried again or was given back is not started, whatever its first start was."""
        return self.started_at is not None and self.status in ("running", "in_review", "waiting")


@dataclass(frozen=True)
class Snapshot:
    as_of: datetime
    grain: Grain
    """With the project's calendar."""
    members: tuple[Member, ...]
    tasks: tuple[Task, ...]
    dependencies: tuple[tuple[TaskId, TaskId], ...] = ()
    """(predecessor, successor), finish to start."""
    previous: Schedule | None = None
    """The published schedule that should be disturbed as little as possible."""
    previous_version: int = 0
    """Its version, which stands for it in the hash; 0: none."""

    @property
    def calendar(self) -> Calendar:
        return self.grain.calendar
