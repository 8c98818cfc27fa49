"""The slots of one member, on the axis of that member's working time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from orchestra.contracts.ids import TaskId

_NEVER = -(1 << 62)
"""Before every position."""


class Lane:
    """One slot. Touching busy blocks are one block, so that a full diary stays short."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._entries: list[tuple[int, int, TaskId]] = []

    def earliest(self, since: int, minutes: int) -> int:
        """The first position not before `since` with `minutes` free."""
        i = bisect_right(self._starts, since) - 1
        start = max(since, self._ends[i]) if i >= 0 else since
        for following in range(i + 1, len(self._starts)):
            if start + minutes <= self._starts[following]:
                break
            start = self._ends[following]
        return start

    def book(self, start: int, end: int, task: TaskId) -> None:
        self._entries.append((start, end, task))
        i = bisect_right(self._starts, start)
        if i and start <= self._ends[i - 1]:
            i -= 1
            self._ends[i] = max(end, self._ends[i])
        else:
            self._starts.insert(i, start)
            self._ends.insert(i, end)
        if i + 1 < len(self._starts) and self._starts[i + 1] <= self._ends[i]:
            self._ends[i] = max(self._ends[i], self._ends.pop(i + 1))
            del self._starts[i + 1]

    @property
    def last(self) -> tuple[int, int]:
        """The last busy block; only before its start is there a gap, and after its end nothing."""
        return self._starts[-1], self._ends[-1]

    def pairs(self) -> Iterator[tuple[TaskId, TaskId]]:
        """Each task with the next one that begins after its end."""
        ordered = sorted(self._entries)
        starts = [start for start, _, _ in ordered]
        for _, end, task in ordered:
            following = bisect_left(starts, end)
            if following < len(ordered):
                yield task, ordered[following][2]


class Lanes:
    """Side by side, and found without looking at each: an agent may have thousands.

    Two trees over the lanes, in the shape of a heap: in the one every node has the least of the positions from which
    on a lane below it is free for good, in the other the greatest at which a gap of one ends.
    """

    def __init__(self, number: int) -> None:
        self._lanes = [Lane() for _ in range(number)]
        self._leaves = 1 << (number - 1).bit_length()
        # What is there to fill the trees up is never free.
        self._free = [_NEVER] * (self._leaves + number) + [-_NEVER] * (self._leaves - number)
        for node in range(self._leaves - 1, 0, -1):
            self._free[node] = min(self._free[2 * node], self._free[2 * node + 1])
        self._gaps = [_NEVER] * (2 * self._leaves)
        self._ending: dict[int, tuple[int, TaskId]] = {}

    def earliest(self, since: int, minutes: int) -> tuple[int, int]:
        """The first position not before `since` with `minutes` free, and the first lane that has it."""
        free = max(since, self._free[1])
        best = free, self._free_at(free)
        if self._gaps[1] >= since + minutes:
            gaps = ((self._lanes[i].earliest(since, minutes), i) for i in self._with_gaps_at(since + minutes))
            best = min(best, *gaps)
        return best

    def free_first(self, since: int) -> int:
        """The lane that is the first to be free for good, not before `since`."""
        return self._free_at(max(since, self._free[1]))

    def book(self, lane: int, start: int, end: int, task: TaskId) -> None:
        self._lanes[lane].book(start, end, task)
        if self._ending.get(end, (lane,))[0] >= lane:
            self._ending[end] = lane, task
        gap, free = self._lanes[lane].last
        node = self._leaves + lane
        self._free[node], self._gaps[node] = free, gap
        while node := node >> 1:
            left, right = 2 * node, 2 * node + 1
            self._free[node] = min(self._free[left], self._free[right])
            self._gaps[node] = max(self._gaps[left], self._gaps[right])

    def task_ending(self, position: int) -> TaskId | None:
        """Of several the one in the first lane."""
        return self._ending.get(position, (0, None))[1]

    def pairs(self) -> Iterator[tuple[TaskId, TaskId]]:
        return (pair for lane in self._lanes for pair in lane.pairs())

    def _free_at(self, position: int) -> int:
        """The first lane that is free for good from there on; there is one."""
        node = 1
        while node < self._leaves:
            node *= 2
            if self._free[node] > position:
                node += 1
        return node - self._leaves

    def _with_gaps_at(self, position: int) -> Iterator[int]:
        """The lanes in which a gap ends there or later."""
        nodes = [1]
        while nodes:
            node = nodes.pop()
            if self._gaps[node] < position:
                continue
            if node >= self._leaves:
                yield node - self._leaves
            else:
                nodes += (2 * node + 1, 2 * node)
