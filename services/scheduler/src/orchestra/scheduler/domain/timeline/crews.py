"""Who may take a task, how long that takes about, and so how urgent what comes before it is."""

from collections.abc import Mapping
from typing import NamedTuple

from orchestra.contracts.ids import MemberId, TaskId
from orchestra.contracts.planning import LagClock
from orchestra.scheduler.domain.people.member import Need, may_take
from orchestra.scheduler.domain.timeline.diary import Diary
from orchestra.scheduler.domain.timeline.lags import clock_minutes
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.work.dependency import AFTER_START, BEFORE_END
from orchestra.scheduler.domain.work.status import OPEN


class Crew(NamedTuple):
    """Those who may take a task, with the working minutes it takes each of them."""

    candidates: list[tuple[Diary, int]]
    clock_minutes: int
    """About how long it takes the quickest, nights and weekends included."""


class Crews:
    """Found once for all tasks that need the same."""

    def __init__(self, diaries: Mapping[MemberId, Diary], clocks: Mapping[LagClock, Diary]) -> None:
        self._diaries = diaries
        self._clocks = clocks
        self._known: dict[tuple[Need, MemberId | None], Crew] = {}

    def of(self, task: Task) -> Crew:
        """Whoever has it already, or else anybody that meets its need."""
        if task.wait is not None:
            clock = self._clocks[task.wait.clock]
            return Crew([(clock, task.wait.minutes)], clock.clock_minutes(task.wait.minutes))
        asked = (task.need, task.assignee)
        crew = self._known.get(asked)
        if crew is None:
            candidates = [
                (diary, diary.minutes(task.need))
                for diary in self._diaries.values()
                if task.assignee in (None, diary.member.id) and may_take(diary.member, task.need)
            ]
            clock = min((diary.clock_minutes(minutes) for diary, minutes in candidates), default=0)
            crew = self._known[asked] = Crew(candidates, clock)
        return crew


def find_tails(snapshot: Snapshot, crews: Crews) -> dict[TaskId, int]:
    """How long the longest chain behind each task takes, about and by the clock: for urgency, not a forecast."""
    tasks, following = snapshot.by_id, snapshot.edges_from
    tails: dict[TaskId, int] = {}
    chains: dict[TaskId, int] = {}
    for task_id in reversed(snapshot.order):
        task = tasks[task_id]
        own = crews.of(task).clock_minutes if task.status in OPEN else 0
        longest = 0
        for edge in following.get(task_id, ()):
            after = (tails if edge[2] in BEFORE_END else chains)[edge[1]]
            if edge[3]:
                after += clock_minutes(edge, snapshot.project_time)
            if edge[2] in AFTER_START:
                after -= own
            longest = max(longest, after)
        tails[task_id] = longest
        chains[task_id] = longest + own
    return tails
