"""Dependencies of four kinds: which end of the predecessor gates which end of the successor, and after what lag."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestra.contracts.ids import TaskId
from orchestra.contracts.planning import DependencyKind, LagClock
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.errors import InvalidDependency, NoWorkingTime
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.status import BEGUN, RELEASING
from orchestra.scheduler.domain.work.task import Task

AFTER_START: tuple[DependencyKind, ...] = ("SS", "SF")
BEFORE_END: tuple[DependencyKind, ...] = ("FF", "SF")


class Edge(NamedTuple):
    """One dependency. Two tasks may be bound by several, each of another kind: `SS` and `FF` make a ladder."""

    predecessor: TaskId
    successor: TaskId
    kind: DependencyKind = "FS"
    lag: int = 0
    """Minutes from what is waited for until the gate opens."""
    clock: LagClock = "working"

    @property
    def after_start(self) -> bool:
        """It waits for the predecessor's start, not for its end."""
        return self.kind in AFTER_START

    @property
    def before_end(self) -> bool:
        """It holds the successor's end back, not its start."""
        return self.kind in BEFORE_END

    @property
    def plain(self) -> bool:
        return self.kind == "FS" and not self.lag

    @property
    def label(self) -> str:
        """`SS + 2 h`; empty for what is plain."""
        return "" if self.plain else " + ".join(part for part in (self.kind, self.lag_text) if part)

    @property
    def lag_text(self) -> str:
        """`2 h 30 min of working time`; empty without a lag."""
        hours, minutes = divmod(self.lag, 60)
        parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
        length = " ".join(part for part in parts if part)
        return f"{length} of working time" if length and self.clock == "working" else length

    def reached(self, predecessor: TaskStatus) -> bool:
        """What it waits for stands, the lag apart. A failed or cancelled predecessor always holds back."""
        return predecessor in RELEASING or (self.after_start and predecessor in BEGUN)

    def opens(self, since: datetime, time: WorkingTime) -> datetime:
        """When its lag is over, counted from `since` on the clock or on the project's working time."""
        return counted(self.lag, self.clock, since, time)


def counted(minutes: int, clock: LagClock, since: datetime, time: WorkingTime) -> datetime:
    """When so many minutes are over.

    A calendar without any working time to come counts nothing: then the clock does.
    """
    if minutes and clock == "working":
        try:
            return time.add(since, minutes)
        except NoWorkingTime:
            pass
    return since + timedelta(minutes=minutes)


def check_edges(edges: Iterable[Edge]) -> None:
    """Raises InvalidDependency for a negative lag, and for two edges of one kind between the same tasks."""
    seen: set[tuple[TaskId, TaskId, DependencyKind]] = set()
    for edge in edges:
        if edge.lag < 0:
            raise InvalidDependency(f"{edge.predecessor} → {edge.successor}: a lag is not negative")
        if edge[:3] in seen:
            raise InvalidDependency(f"{edge.predecessor} → {edge.successor}: {edge.kind} is given twice")
        seen.add(edge[:3])


@dataclass(frozen=True)
class Gate:
    """What one edge still asks of its successor."""

    edge: Edge
    predecessor: Task
    opens_at: datetime | None
    """When its lag is or was over; None: it has none, or is not counted yet."""

    def closed(self, now: datetime) -> bool:
        if not self.edge.reached(self.predecessor.status):
            return True
        if not self.edge.lag or self.predecessor.status == "skipped":
            return False
        return self.opens_at is None or self.opens_at > now
