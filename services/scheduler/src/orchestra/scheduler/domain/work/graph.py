"""The dependency graph: checked, ordered, and walked without recursion, however deep it is."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.domain.errors import CyclicDependency, DuplicateTask, UnknownTask


@dataclass(frozen=True)
class Graph:
    order: tuple[TaskId, ...]
    """Every task after its predecessors; among those that could come next, the earliest in plan order."""
    predecessors: Mapping[TaskId, tuple[TaskId, ...]]
    successors: Mapping[TaskId, tuple[TaskId, ...]]
    """Both in plan order, without duplicates, with an entry for every task."""


def arrange(tasks: Sequence[TaskId], edges: Iterable[tuple[TaskId, TaskId]]) -> Graph:
    """The graph of `tasks`, which are in plan order, under `edges` (predecessor, successor).

    Raises DuplicateTask, UnknownTask (an edge leads nowhere) and CyclicDependency, which shows one cycle.
    """
    rank = {task: place for place, task in enumerate(tasks)}
    if len(rank) < len(tasks):
        raise DuplicateTask(next(task for place, task in enumerate(tasks) if rank[task] != place))
    before: dict[TaskId, set[TaskId]] = {task: set() for task in tasks}
    after: dict[TaskId, set[TaskId]] = {task: set() for task in tasks}
    for predecessor, successor in edges:
        for end in (predecessor, successor):
            if end not in rank:
                raise UnknownTask(end)
        before[successor].add(predecessor)
        after[predecessor].add(successor)
    predecessors = {task: tuple(sorted(before[task], key=rank.__getitem__)) for task in tasks}
    successors = {task: tuple(sorted(after[task], key=rank.__getitem__)) for task in tasks}

    waits = {task: len(predecessors[task]) for task in tasks}
    free = [rank[task] for task in tasks if not waits[task]]
    heapify(free)
    order: list[TaskId] = []
    while free:
        task = tasks[heappop(free)]
        order.append(task)
        for successor in successors[task]:
            waits[successor] -= 1
            if not waits[successor]:
                heappush(free, rank[successor])
    if len(order) < len(tasks):
        raise CyclicDependency(*_cycle([task for task in tasks if waits[task]], predecessors, rank))
    return Graph(tuple(order), predecessors, successors)


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


def _cycle(
    stuck: Sequence[TaskId], predecessors: Mapping[TaskId, Sequence[TaskId]], rank: Mapping[TaskId, int]
) -> list[TaskId]:
    """A cycle among the tasks that could not be ordered: each of them has a predecessor that could not be either."""
    among = set(stuck)
    walked: dict[TaskId, int] = {}
    task = stuck[0]
    while task not in walked:
        walked[task] = len(walked)
        task = next(predecessor for predecessor in predecessors[task] if predecessor in among)
    cycle = list(walked)[walked[task] :][::-1]
    first = cycle.index(min(cycle, key=rank.__getitem__))
    return cycle[first:] + cycle[:first]
