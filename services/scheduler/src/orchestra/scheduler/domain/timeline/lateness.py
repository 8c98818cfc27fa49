"""Late dates: how late each task may start and end without moving the project's end.

Every start and every end is bounded by what comes at the same time or later: the gates it opens, and the next task of
the same member. So in the order of falling times, ties in falling plan order, every bound is known in time.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.domain.timeline.generation import Entry, Generation
from orchestra.scheduler.domain.timeline.lags import latest
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.work.dependency import AFTER_START, BEFORE_END


class Late(NamedTuple):
    """Positions on the member's axis."""

    start: int
    work: int
    """Where the work ends."""
    end: int


class Lateness:
    def __init__(self, snapshot: Snapshot, generation: Generation, project_end: int) -> None:
        self.dates: dict[TaskId, Late] = {}
        self._snapshot = snapshot
        self._project_end = project_end
        self._starts: dict[TaskId, int] = {}
        """In minutes, like the ends; a start that has happened neither moves nor binds what was before it."""
        self._ends: dict[TaskId, int] = {}
        self._room: dict[TaskId, int] = {}
        """By which minute the member must be done with what comes before the task."""
        self._from = snapshot.edges_from
        self._gated = {edge.successor for edge in snapshot.dependencies if edge.before_end}
        self._awaited = {edge.predecessor for edge in snapshot.dependencies if edge.after_start}
        """What others wait for the start of."""
        self._following: defaultdict[TaskId, list[TaskId]] = defaultdict(list)
        for diary in generation.diaries.values():
            for task, following in diary.pairs():
                self._following[task].append(following)
        for entry, is_end in self._falling(generation):
            (self._bound_end if is_end else self._bound_start)(entry)

    def _falling(self, generation: Generation) -> Iterator[tuple[Entry, bool]]:
        entries, found = generation.entries, list[tuple[int, int, bool, TaskId]]()
        for rank, task in enumerate(self._snapshot.order):
            if (entry := entries.get(task)) is not None:
                found.append((entry.end, rank, True, task))
                # Work that was done outside working hours may end on its axis before it has begun by the clock.
                found.append((min(generation.starts[task], entry.end), rank, False, task))
        found.sort(reverse=True)
        for _, _, is_end, task in found:
            yield entries[task], is_end

    def _bounds(self, task: TaskId, *, of_start: bool) -> Iterator[int]:
        for edge in self._from.get(task, ()):
            if (edge[2] in AFTER_START) == of_start:
                bound = (self._ends if edge[2] in BEFORE_END else self._starts).get(edge[1])
                if bound is not None:
                    yield latest(edge, bound, self._snapshot.project_time) if edge[3] else bound

    def _bound_end(self, entry: Entry) -> None:
        time, bound = entry.diary.time, self._project_end
        for each in self._bounds(entry.task.id, of_start=False):
            bound = min(bound, each)
        # On its member's axis, where it is shown: what holds the end back must not be later than that.
        self._ends[entry.task.id] = time.end(time.position(bound))

    def _bound_start(self, entry: Entry) -> None:
        task, time = entry.task, entry.diary.time
        length = entry.opening.end - entry.opening.start
        end = work = time.position(self._ends[task.id])
        room: int | None = None
        for each in self._following.get(task.id, ()):
            until = self._room.get(each)
            room = until if room is None or (until is not None and until < room) else room
        if room is not None:
            work = min(work, time.position(room))
        if not task.started:
            for bound in self._bounds(task.id, of_start=True) if task.id in self._awaited else ():
                work = min(work, time.position(bound + 1) - 1 + length)
            self._starts[task.id] = self._room[task.id] = time.start(work - length)
        elif room is not None:
            self._room[task.id] = room  # it moves no more: what is before it makes room for what is after it
        self.dates[task.id] = Late(work - length, work, end if task.id in self._gated else work)
