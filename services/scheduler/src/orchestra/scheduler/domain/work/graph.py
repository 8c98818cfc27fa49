"""The dependency graph: checked, ordered, and walked without recursion, however deep it is."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.domain.errors import CyclicDependency, DuplicateTask, UnknownTask


def arrange(tasks: Sequence[TaskId], edges: Iterable[tuple[TaskId, TaskId]]) -> tuple[TaskId, ...]:
    """The tasks, given in plan order, each after its predecessors under `edges` (predecessor, successor).

    Among those that could come next, the earliest in plan order does. Raises DuplicateTask, UnknownTask (an edge leads
    nowhere) and CyclicDependency, which shows one cycle.
    """
    rank = {task: place for place, task in enumerate(tasks)}
    if len(rank) < len(tasks):
        raise DuplicateTask(next(task for place, task in enumerate(tasks) if rank[task] != place))
    after: list[list[int]] = [[] for _ in tasks]
    waits = [0] * len(tasks)
    for edge in edges:
        try:
            predecessor, successor = rank[edge[0]], rank[edge[1]]
        except KeyError:
            raise UnknownTask(next(end for end in edge if end not in rank)) from None
        after[predecessor].append(successor)
        waits[successor] += 1
    free = [place for place, count in enumerate(waits) if not count]
    order: list[int] = []
    while free:  # a sorted list is a heap
        place = heappop(free)
        order.append(place)
        for successor in after[place]:
            waits[successor] -= 1
            if not waits[successor]:
                heappush(free, successor)
    if len(order) < len(tasks):
        raise CyclicDependency(*_cycle(tasks, after, waits))
    return tuple(tasks[place] for place in order)


def with_all_after(tasks: Iterable[TaskId], edges: Iterable[tuple[TaskId, TaskId]]) -> list[TaskId]:
    """These and everything that follows from them under `edges` (predecessor, successor), each once."""
    following: defaultdict[TaskId, list[TaskId]] = defaultdict(list)
    for predecessor, successor in edges:
        following[predecessor].append(successor)
    found = dict.fromkeys(tasks)
    waiting = deque(found)
    while waiting:
        for successor in following[waiting.popleft()]:
            if successor not in found:
                found[successor] = None
                waiting.append(successor)
    return list(found)


def _cycle(tasks: Sequence[TaskId], after: Sequence[Sequence[int]], waits: Sequence[int]) -> list[TaskId]:
    """A cycle among the tasks that could not be ordered: each of them has a predecessor that could not be either.

    The first predecessor in plan order is followed; the cycle is shown from its first task on.
    """
    before: dict[int, int] = {}
    for predecessor, successors in enumerate(after):
        if waits[predecessor]:
            for successor in successors:
                before.setdefault(successor, predecessor)
    walked: dict[int, int] = {}
    place = next(place for place, count in enumerate(waits) if count)
    while place not in walked:
        walked[place] = len(walked)
        place = before[place]
    cycle = list(walked)[walked[place] :][::-1]
    first = cycle.index(min(cycle))
    return [tasks[place] for place in (*cycle[first:], *cycle[:first])]
