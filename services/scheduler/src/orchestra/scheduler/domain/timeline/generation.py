"""Serial schedule generation: who does each task, and the earliest dates that leaves them.

Started tasks are entered first and stay (BR-SCHED-005). Then, again and again, the first task in the order whose
predecessors all have dates goes into a member's first gap that is long enough; nothing moves what is already entered.
Order and member come from one of two rules:

- *afresh*: the most urgent task first, and to the member who ends it first. Most urgent means: the latest finish,
  counted back from the project's end along the longest chain of successors, is the earliest. The plan settles ties.
- *repaired*: in the order of the previous starts, and to the previous member if they still may take it, so that
  nothing moves that need not: with the same inputs (and one slot a member) every date stays, after a delay or an early
  finish only what hangs on it moves. Tasks that were not planned before come last, by the first rule.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from orchestra.contracts.ids import MemberId, TaskId
from orchestra.scheduler.domain.people.member import Need, may_take
from orchestra.scheduler.domain.timeline.calendar import instant_of, next_minute
from orchestra.scheduler.domain.timeline.diary import Diary, Opening
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Unplaced
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.work.status import OPEN, RELEASING

_LAST = datetime.max.replace(tzinfo=UTC)


class Entry(NamedTuple):
    """A task in a diary."""

    task: Task
    diary: Diary
    opening: Opening
    start: datetime
    cause: Cause

    @property
    def end(self) -> int:
        """In minutes."""
        return self.diary.time.end(self.opening.end)


class Crew(NamedTuple):
    """Those who may take a task, with the working minutes it takes each of them."""

    candidates: list[tuple[Diary, int]]
    clock_minutes: int
    """About how long it takes the quickest, nights and weekends included."""


class Generation:
    """All tasks in diaries (`entries`) or `unplaced`; done, skipped and cancelled ones are in neither.

    Repaired where there are `previous` placements, else afresh.
    """

    def __init__(self, snapshot: Snapshot, previous: Mapping[TaskId, Placement]) -> None:
        self.entries: dict[TaskId, Entry] = {}
        self.unplaced: dict[TaskId, Unplaced] = {}
        self.diaries = {
            member.id: Diary(member, snapshot.working_times[member.id], snapshot.grain, snapshot.now)
            for member in sorted(snapshot.members, key=lambda member: (member.key, member.id))
        }
        self._now = snapshot.now
        self._tasks = snapshot.by_id
        self._graph = snapshot.graph
        self._previous = previous
        self._crews: dict[tuple[Need, MemberId | None], Crew] = {}
        self._ended: dict[TaskId, int] = {}
        """From which minute on a task no longer holds its successors back."""
        for task in self._tasks.values():
            if not task.movable:
                self._note(task)
        for task in self._in_order():
            self._place(task)

    @property
    def end(self) -> int:
        """The minute in which the last entry ends; that of `as_of` when there is none."""
        return max((entry.end for entry in self.entries.values()), default=self._now)

    def _in_order(self) -> Iterator[Task]:
        """The movable tasks, each after its predecessors."""
        tails = self._tails()

        def rank(task: Task) -> tuple[datetime, int, int, TaskId]:
            if task.id in self._previous:
                return self._previous[task.id].start, 0, task.order, task.id
            return _LAST, -tails[task.id], task.order, task.id

        waits = {
            task.id: sum(self._tasks[each].movable for each in self._graph.predecessors[task.id])
            for task in self._tasks.values()
            if task.movable
        }
        free = [rank(self._tasks[task]) for task, number in waits.items() if not number]
        heapify(free)
        while free:
            task = self._tasks[heappop(free)[-1]]
            yield task
            for successor in self._graph.successors[task.id]:
                if successor in waits:
                    waits[successor] -= 1
                    if not waits[successor]:
                        heappush(free, rank(self._tasks[successor]))

    def _tails(self) -> dict[TaskId, int]:
        """How long the longest chain behind each task takes, about and by the clock: for urgency, not a forecast."""
        tails: dict[TaskId, int] = {}
        chains: dict[TaskId, int] = {}
        for task_id in reversed(self._graph.order):
            task = self._tasks[task_id]
            tails[task_id] = max((chains[successor] for successor in self._graph.successors[task_id]), default=0)
            chains[task_id] = tails[task_id] + (self._crew(task).clock_minutes if task.status in OPEN else 0)
        return tails

    def _crew(self, task: Task) -> Crew:
        """Whoever has it already, or else anybody that meets its need."""
        asked = (task.need, task.assignee)
        if asked not in self._crews:
            candidates = [
                (diary, diary.minutes(task.need))
                for diary in self.diaries.values()
                if task.assignee in (None, diary.member.id) and may_take(diary.member, task.need)
            ]
            clock = min((diary.clock_minutes(minutes) for diary, minutes in candidates), default=0)
            self._crews[asked] = Crew(candidates, clock)
        return self._crews[asked]

    def _note(self, task: Task) -> None:
        """A fact."""
        if task.status in RELEASING:
            self._ended[task.id] = next_minute(task.ended_at) if task.ended_at else self._now
        elif task.status == "failed":
            self.unplaced[task.id] = Unplaced(task.id, "failed")
        elif task.started and task.started_at is not None:
            self._hold(task, task.started_at)

    def _hold(self, task: Task, started_at: datetime) -> None:
        diary = self.diaries.get(task.assignee or "")
        if diary is None or diary.member.is_manager:
            self.unplaced[task.id] = Unplaced(task.id, "member", task.assignee)
            return
        opening = diary.hold(task.id, task.need, next_minute(started_at), task.share)
        self._enter(Entry(task, diary, opening, started_at, Cause("started")))

    def _enter(self, entry: Entry) -> None:
        self.entries[entry.task.id] = entry
        self._ended[entry.task.id] = entry.end

    def _place(self, task: Task) -> None:
        predecessors = self._graph.predecessors[task.id]
        blocker = next((each for each in predecessors if each not in self._ended), None)
        candidates = self._crew(task).candidates
        if blocker is not None:
            self.unplaced[task.id] = Unplaced(task.id, "behind", blocker)
        elif not candidates and task.assignee is not None:
            self.unplaced[task.id] = Unplaced(task.id, "member", task.assignee)
        elif not candidates:
            self.unplaced[task.id] = Unplaced(task.id, "no member", task.need.role)
        else:
            gate = next_minute(task.not_before) if task.not_before else self._now
            since = max(self._now, gate, *(self._ended[each] for each in predecessors))
            diary, opening = self._choice(task, candidates, since)
            diary.enter(task.id, opening)
            start = instant_of(diary.time.start(opening.start))
            self._enter(Entry(task, diary, opening, start, self._cause(task, diary, opening.start)))

    def _choice(self, task: Task, candidates: list[tuple[Diary, int]], since: int) -> tuple[Diary, Opening]:
        """Ties go to the first by key."""
        previous = self._previous.get(task.id)
        kept = [each for each in candidates if previous and each[0].member.id == previous.member]
        return min(
            ((diary, diary.opening(task.need, minutes, since)) for diary, minutes in kept or candidates),
            key=lambda offer: offer[0].time.end(offer[1].end),
        )

    def _cause(self, task: Task, diary: Diary, position: int) -> Cause:
        """Why not earlier. Compared on the member's working time, so that a predecessor which ends on a day off and an
        `as_of` on the same day off are the same moment: then neither, but the calendar is the cause.
        """
        if position == diary.time.position(self._now):
            return Cause("as of" if diary.time.start(position) == self._now else "calendar")
        if task.not_before and position == diary.time.position(next_minute(task.not_before)):
            return Cause("not before")
        for predecessor in sorted(self._graph.predecessors[task.id], key=self._ended.__getitem__, reverse=True):
            if position == diary.time.position(self._ended[predecessor]):
                return Cause("predecessor", predecessor)
        return Cause("member busy", diary.task_ending(position))
