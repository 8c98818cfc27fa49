"""Serial schedule generation: who does each task, and the earliest dates that leaves them.

Started tasks are entered first and stay (BR-SCHED-005). Then, again and again, the first task in the order of which
all gates of the start have dates goes into a member's first gap that is long enough; nothing moves what is entered.
A higher priority goes first; among equals one of two rules settles order and member.
A task whose end has gates (FF, SF) is worked on as early as any other and ends when the last of them opens, as it does
at run time. The two rules:

- *afresh*: the most urgent task first, and to the member who ends it first. Most urgent means: the latest finish,
  counted back from the project's end along the longest chain of successors, is the earliest. The plan settles ties.
- *repaired*: in the order of the previous starts, and to the previous member if they still may take it, so that
  nothing moves that need not: with the same inputs (and one slot a member) every date stays, after a delay or an early
  finish only what hangs on it moves. Tasks that were not planned before come last, by the first rule.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import NamedTuple

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.domain.timeline.calendar import instant_of, next_minute
from orchestra.scheduler.domain.timeline.crews import Crews, find_tails
from orchestra.scheduler.domain.timeline.diary import Diary, Opening, clocks
from orchestra.scheduler.domain.timeline.lags import opening as opening_of
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Unplaced
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.work.dependency import AFTER_START, BEFORE_END, Edge
from orchestra.scheduler.domain.work.status import OPEN, RELEASING

Rank = tuple[int, datetime, int, int, TaskId]
"""The lowest is placed first."""

_LAST = datetime.max.replace(tzinfo=UTC)


class Entry(NamedTuple):
    """A task in a diary."""

    task: Task
    diary: Diary
    opening: Opening
    start: datetime
    cause: Cause
    finish: int
    """Where it ends on the member's axis: with its work, or later where its end is held back."""
    end: int
    """The same in minutes."""
    held: Cause | None = None


class Generation:
    """All tasks with dates (`entries`) or `unplaced`; done, skipped and cancelled ones are in neither.

    Repaired where there are `previous` placements, else afresh.
    """

    def __init__(self, snapshot: Snapshot, previous: Mapping[TaskId, Placement]) -> None:
        self.entries: dict[TaskId, Entry] = {}
        self.unplaced: dict[TaskId, Unplaced] = {}
        self.diaries = {
            member.id: Diary(member, snapshot.working_times[member.id], snapshot.grain, snapshot.now)
            for member in sorted(snapshot.members, key=lambda member: (member.key, member.id))
        }
        self._clocks = clocks(snapshot)
        self._now = snapshot.now
        self._tasks = snapshot.by_id
        self._into, self._from = snapshot.edges_into, snapshot.edges_from
        self._time = snapshot.project_time
        self._previous = previous
        self._gated = {edge.successor for edge in snapshot.dependencies if edge.before_end}
        self._crews = Crews(self.diaries, self._clocks)
        self.starts: dict[TaskId, int] = {}
        self._ends: dict[TaskId, int] = {}
        """In minutes, as far as they are known: what is missing may never come, and holds others back."""
        self._tails = find_tails(snapshot, self._crews)
        self._free: list[Rank] = []
        self._gates: dict[TaskId, list[tuple[int, Edge]]] = {}
        """When the gates of the starts of those that are free open."""
        for task in self._tasks.values():
            if not task.movable:
                self._note(task)
        self._waits: tuple[dict[TaskId, int], dict[TaskId, int]] = self._count_waits()
        self._fill()

    @property
    def end(self) -> int:
        """The minute in which the last entry ends; that of `as_of` when there is none."""
        return max((entry.end for entry in self.entries.values()), default=self._now)

    def _fill(self) -> None:
        """Place the movable tasks, each once all that gates its start is known; an end is known once its gates are."""
        starts, ends = ([task for task, number in waits.items() if not number] for waits in self._waits)
        for task_id in starts:
            if not self._give_turn(self._tasks[task_id]):
                self._settle(task_id, is_end=False)
        for task_id in ends:
            self._finish(task_id)
            self._settle(task_id, is_end=True)
        while self._free:
            task = self._tasks[heappop(self._free)[-1]]
            self._place(task)
            self._settle(task.id, is_end=False)

    def _count_waits(self) -> tuple[dict[TaskId, int], dict[TaskId, int]]:
        """For each start and each end that is to be found, how many others it follows from."""
        starts = {task.id: 0 for task in self._tasks.values() if task.movable}
        ends = {task.id: int(task.id in starts) for task in self._tasks.values() if task.status in OPEN}
        for edges in self._from.values():
            for edge in edges:
                predecessor, successor, kind, _, _ = edge
                if predecessor in (starts if kind in AFTER_START else ends):
                    waits = ends if kind in BEFORE_END else starts
                    if successor in waits:
                        waits[successor] += 1
        return starts, ends

    def _settle(self, task_id: TaskId, *, is_end: bool) -> None:
        """The start or end has been found, or nobody can know it: what follows from it need wait no longer."""
        starts = self._waits[0]
        settled = [(task_id, is_end)]
        while settled:
            task_id, is_end = settled.pop()
            for edge in self._from.get(task_id, ()):
                _, successor, kind, _, _ = edge
                if (kind in AFTER_START) == is_end:
                    continue
                if kind in BEFORE_END:
                    self._come(successor, settled)
                elif successor in starts:
                    left = starts[successor] = starts[successor] - 1
                    if not left and not self._give_turn(self._tasks[successor]):
                        settled.append((successor, False))
            if not is_end:
                self._come(task_id, settled)

    def _come(self, task_id: TaskId, settled: list[tuple[TaskId, bool]]) -> None:
        """One less that the end follows from; it is settled with the last."""
        ends = self._waits[1]
        if task_id in ends:
            left = ends[task_id] = ends[task_id] - 1
            if not left:
                self._finish(task_id)
                settled.append((task_id, True))

    def _rank(self, task: Task) -> Rank:
        previous = self._previous.get(task.id)
        if previous is not None:
            return -task.priority, previous.start, 0, task.order, task.id
        return -task.priority, _LAST, -self._tails[task.id], task.order, task.id

    def _note(self, task: Task) -> None:
        """A fact."""
        if task.status in RELEASING:
            ended = next_minute(task.ended_at) if task.ended_at else self._now
            self._ends[task.id] = ended
            self.starts[task.id] = next_minute(task.started_at) if task.started_at else ended
        elif task.status == "failed":
            self.unplaced[task.id] = Unplaced(task.id, "failed")
        elif task.started and task.started_at is not None:
            self.starts[task.id] = next_minute(task.started_at)
            self._hold(task, task.started_at)

    def _hold(self, task: Task, started_at: datetime) -> None:
        if task.wait is not None:
            opening = self._clocks[task.wait.clock].counted(started_at, task.ends_at, task.performed_at)
            self._enter(task, self._clocks[task.wait.clock], opening, started_at)
            return
        diary = self.diaries.get(task.assignee or "")
        if diary is None or diary.member.is_manager:
            self.unplaced[task.id] = Unplaced(task.id, "member", task.assignee)
            return
        start = next_minute(started_at)
        if task.performed_at is not None:
            opening = diary.worked(start, next_minute(task.performed_at), task.share)
        else:
            opening = diary.hold(task.id, task.need, start, task.share)
        self._enter(task, diary, opening, started_at)

    def _enter(self, task: Task, diary: Diary, opening: Opening, started_at: datetime) -> None:
        self.entries[task.id] = Entry(
            task, diary, opening, started_at, Cause("started"), opening.end, diary.time.end(opening.end)
        )

    def _finish(self, task_id: TaskId) -> None:
        """The task ends with its work, or later with the last gate of its end.

        Where a gate may never open the end stays unknown to those behind it; shown is what is known.
        """
        entry = self.entries.get(task_id)
        if entry is None:
            return
        if task_id not in self._gated and entry.task.performed_at is None:
            self._ends[task_id] = entry.end
            return
        gates = [edge for edge in self._into.get(task_id, ()) if edge.before_end]
        known = [(at, edge) for edge in gates if (at := self._opens(edge, shown=True)) is not None]
        least = [self._now + 1] if entry.task.performed_at is not None else []
        end = max([*least, *(at for at, _ in known)], default=0)
        if end > entry.end:
            last = max(known, key=lambda gate: gate[0], default=None)
            held = Cause("predecessor", last[1].predecessor, last[1].label) if last else None
            finish = entry.diary.time.reaching(end)
            entry = entry._replace(finish=finish, end=entry.diary.time.end(finish), held=held)
            self.entries[task_id] = entry
        if all(self._opens(edge) is not None for edge in gates):
            self._ends[task_id] = entry.end

    def _opens(self, edge: Edge, *, shown: bool = False) -> int | None:
        """The minute in which the edge's gate opens; None: nobody can know. What was skipped leaves no lag behind.

        `shown`: for an end that may never come, the one that is shown.
        """
        since = (self.starts if edge[2] in AFTER_START else self._ends).get(edge[0])
        if since is not None and not edge[3]:
            return since
        if since is None and shown and not edge.after_start and edge.predecessor in self.entries:
            since = self.entries[edge.predecessor].end
        if since is None or self._tasks[edge.predecessor].status == "skipped":
            return since
        return opening_of(edge, since, self._time)

    def _give_turn(self, task: Task) -> bool:
        """Have it placed when its turn comes, all gates of its start being known; False where it will not be.

        What will not be takes nobody's time and has no turn: those behind it must not wait for one.
        """
        # Once it was free to start after another's start, that the other is tried again or failed does not matter.
        passed = task.status != "blocked"
        opens: list[tuple[int, Edge]] = []
        for edge in self._into.get(task.id, ()):
            if edge[2] in BEFORE_END:
                continue
            at = self._opens(edge)
            if at is not None:
                opens.append((at, edge))
            elif not (edge.after_start and passed):
                self.unplaced[task.id] = Unplaced(task.id, "behind", edge.predecessor)
                return False
        if not self._crews.of(task).candidates:
            held = task.assignee is not None
            self.unplaced[task.id] = Unplaced(
                task.id, "member" if held else "no member", task.assignee if held else task.need.role
            )
            return False
        self._gates[task.id] = opens
        heappush(self._free, self._rank(task))
        return True

    def _place(self, task: Task) -> None:
        opens = self._gates.pop(task.id)
        gate = next_minute(task.not_before) if task.not_before else self._now
        since = max(self._now, gate)
        for at, _ in opens:
            since = max(since, at)
        diary, opening = self._choice(task, self._crews.of(task).candidates, since)
        if task.wait is None:
            diary.enter(task.id, opening)
        start = self.starts[task.id] = diary.time.start(opening.start)
        cause = self._cause(task, diary, opening.start, opens)
        end = diary.time.end(opening.end)
        self.entries[task.id] = Entry(task, diary, opening, instant_of(start), cause, opening.end, end)

    def _choice(self, task: Task, candidates: list[tuple[Diary, int]], since: int) -> tuple[Diary, Opening]:
        """Ties go to the first by key."""
        previous = self._previous.get(task.id)
        kept = [each for each in candidates if each[0].member.id == previous.member] if previous else []
        if len(candidates) == 1:
            diary, minutes = candidates[0]
            return diary, diary.opening(task.need, minutes, since)
        return min(
            ((diary, diary.opening(task.need, minutes, since)) for diary, minutes in kept or candidates),
            key=lambda offer: offer[0].time.end(offer[1].end),
        )

    def _cause(self, task: Task, diary: Diary, position: int, opens: Sequence[tuple[int, Edge]]) -> Cause:
        """Why not earlier. Compared on the member's working time, so that a predecessor which ends on a day off and an
        `as_of` on the same day off are the same moment: then neither, but the calendar is the cause.
        """
        if position == diary.now:
            return Cause("as of" if diary.time.start(position) == self._now else "calendar")
        if task.not_before and position == diary.time.position(next_minute(task.not_before)):
            return Cause("not before")
        for at, edge in sorted(opens, key=lambda gate: gate[0], reverse=True):
            if position == diary.time.position(at):
                return Cause("predecessor", edge.predecessor, edge.label)
        return Cause("member busy", diary.task_ending(position))
