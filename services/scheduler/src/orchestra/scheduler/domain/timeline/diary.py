"""What one member is busy with, on the axis of that member's working time."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from orchestra.contracts.ids import TaskId
from orchestra.contracts.planning import LagClock
from orchestra.scheduler.domain.people.member import Member, Need, duration
from orchestra.scheduler.domain.timeline.calendar import WEEK, next_minute
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.lanes import Lanes
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.timeline.working_time import WorkingTime


class Opening(NamedTuple):
    """Where a task fits: positions on the member's axis, in which slot, at which share."""

    start: int
    end: int
    lane: int
    share: float


def clocks(snapshot: Snapshot) -> dict[LagClock, "Diary"]:
    """On which timers count; nothing is ever entered there, for they count side by side."""
    nobody = Member("", "", "", "agent")
    return {
        "working": Diary(nobody, snapshot.project_time, snapshot.grain, snapshot.now),
        "elapsed": Diary(nobody, nobody.working_time(snapshot.calendar), snapshot.grain, snapshot.now),
    }


class Diary:
    """Filled in the order of the tasks' priorities, from the minute `now` on; what is in it stays."""

    def __init__(self, member: Member, time: WorkingTime, grain: Grain, now: int) -> None:
        self.member = member
        self.time = time
        self._lanes = Lanes(member.slots)
        self._grain = grain
        self.now = self.time.position(now)
        self._taken = 0.0
        """The shares of a person's running tasks, the last of which ends at the position `_undivided`."""
        self._undivided = self.now

    def minutes(self, need: Need) -> int:
        """Working minutes for such a task at the member's own share."""
        return duration(self.member, need, self._grain)

    def clock_minutes(self, minutes: int) -> int:
        """About how long so many working minutes take by the clock, nights and weekends included."""
        return minutes * WEEK // self.time.hours.week

    def hold(self, task: TaskId, need: Need, start: int, share: float | None) -> Opening:
        """A task started in the minute `start` keeps that start, even where all slots are taken. An overdue one ends a
        grain from now: nobody knows better.
        """
        share = self.member.share if share is None else share
        overdue = self._grain.minutes if self.member.kind == "agent" else self._grain.working
        begun = self.time.position(start)
        end = max(begun + duration(self.member, need, self._grain, share), self.now + overdue)
        lane = self._lanes.free_first(self.now)
        self._lanes.book(lane, begun, end, task)
        if self.member.kind == "person":
            self._taken += share
            self._undivided = max(self._undivided, end)
        return Opening(begun, end, lane, share)

    def counted(self, started: datetime, ends: datetime | None, ended: datetime | None) -> Opening:
        """Of a timer. One that is overdue, because it is paused, ends a minute from now: nobody knows better."""
        end = next_minute(ended or ends or started)
        if ended is None:
            end = max(end, self.time.start(self.now) + 1)
        return self.worked(next_minute(started), end, 1.0)

    def worked(self, start: int, end: int, share: float | None) -> Opening:
        """What was done from the minute `start` to `end` takes nobody's time any more."""
        begun = self.time.position(start)
        return Opening(begun, max(begun, self.time.position(end)), 0, self.member.share if share is None else share)

    def opening(self, need: Need, minutes: int, since: int) -> Opening:
        """Where such a task, of `minutes` at the member's own share, would end first if it may start in the minute
        `since`: when the running tasks have ended, or before that with the share they leave.
        """
        position = self.time.position(since)
        if position >= self._undivided:
            return self._fit(position, minutes, self.member.share)
        share = self.member.share_left(self._taken)
        at_once = self._fit(position, duration(self.member, need, self._grain, share), share)
        later = self._fit(self._undivided, minutes, self.member.share)
        return at_once if at_once.end < later.end else later

    def enter(self, task: TaskId, opening: Opening) -> None:
        self._lanes.book(opening.lane, opening.start, opening.end, task)

    def task_ending(self, position: int) -> TaskId | None:
        return self._lanes.task_ending(position)

    def pairs(self) -> Iterator[tuple[TaskId, TaskId]]:
        return self._lanes.pairs()

    def _fit(self, position: int, minutes: int, share: float) -> Opening:
        start, lane = self._lanes.earliest(position, minutes)
        return Opening(start, start + minutes, lane, share)
