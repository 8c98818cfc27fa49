"""An approved plan becomes the graph that the scheduler works on, in parts that fit into events."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from orchestra.contracts.ids import TaskId
from orchestra.contracts.planning import AfterRequest, Command, DecomposedTask, Dependency, Input, TaskRequest
from orchestra.planner.domain.after import done_before
from orchestra.planner.domain.paths import provided
from orchestra.planner.domain.plan import Plan

PART_BYTES = 200_000
"""Below the 256 KB of an event with room for the envelope."""

T = TypeVar("T")


class Graph(NamedTuple):
    tasks: tuple[DecomposedTask, ...]
    dependencies: tuple[Dependency, ...]


def decompose(plan: Plan, id_of: Callable[[str], TaskId]) -> Graph:
    """The tasks in plan order, each under the id of its key, and their dependencies in the order of their successors.

    The plan is free of faults. An input that a predecessor produces is a need; every other one is a file by its hash.
    """
    by_key = {task.id: task for task in plan.tasks}
    ids = {key: id_of(key) for key in by_key}
    return Graph(
        tuple(_decomposed(plan, task, ids[task.id], by_key) for task in plan.tasks),
        tuple(_dependency(link, ids, task) for task in plan.tasks for link in task.after),
    )


def _dependency(link: str | AfterRequest, ids: Mapping[str, TaskId], task: TaskRequest) -> Dependency:
    if isinstance(link, str):
        return Dependency(predecessor=ids[link], successor=ids[task.id])
    return Dependency(
        predecessor=ids[link.task],
        successor=ids[task.id],
        kind=link.kind,
        lag_minutes=link.lag_minutes,
        clock=link.clock,
    )


def _decomposed(plan: Plan, task: TaskRequest, task_id: TaskId, by_key: Mapping[str, TaskRequest]) -> DecomposedTask:
    return DecomposedTask(
        id=task_id,
        key=task.id,
        title=task.title,
        covers=task.covers,
        points=task.points,
        minutes=task.minutes,
        role=task.role,
        criteria=task.criteria,
        priority=task.priority,
        command=_command(plan, task, by_key),
        start_at=task.start_at,
        deadline=task.deadline,
        wait=task.wait,
    )


def _command(plan: Plan, task: TaskRequest, by_key: Mapping[str, TaskRequest]) -> Command | None:
    wanted = task.command
    if wanted is None:
        return None
    needs: frozenset[str] = frozenset()
    if wanted.inputs:
        before = done_before(task, by_key).values()
        needs = provided(wanted.inputs, (path for other in before if other.command for path in other.command.outputs))
    inputs = dict.fromkeys(wanted.inputs)
    return Command(
        argv=wanted.argv,
        tools=wanted.tools,
        inputs=tuple(Input(path=path, sha256=plan.files[path]) for path in inputs if path not in needs),
        needs=tuple(path for path in inputs if path in needs),
        outputs=wanted.outputs,
        retries=wanted.retries,
        fail_on=wanted.fail_on,
        timeout_s=wanted.timeout_s,
        hosts=wanted.hosts,
        repeatable=wanted.repeatable,
        mutexes=wanted.mutexes,
    )


def in_parts(graph: Graph, limit: int = PART_BYTES) -> tuple[Graph, ...]:
    """The graph in parts of at most `limit` bytes of JSON, in order; each dependency in the part of its successor.

    Only a task with more dependencies than a part holds has the rest of them in the parts that follow.
    """
    incoming: dict[TaskId, list[Dependency]] = {task.id: [] for task in graph.tasks}
    for dependency in graph.dependencies:
        incoming[dependency.successor].append(dependency)
    parts = [_Part(0, [], [])]

    def room_for(size: int, together: int) -> _Part:
        if parts[-1].filled + together > limit and parts[-1].filled:
            parts.append(_Part(0, [], []))
        parts[-1].filled += size
        return parts[-1]

    for task in graph.tasks:
        size, after = _bytes(task), incoming[task.id]
        sizes = list(map(_edge_bytes, after))
        room_for(size, min(limit, size + sum(sizes))).tasks.append(task)
        for dependency, weight in zip(after, sizes, strict=True):
            room_for(weight, weight).dependencies.append(dependency)
    return tuple(Graph(tuple(part.tasks), tuple(part.dependencies)) for part in parts)


@dataclass
class _Part:
    filled: int
    tasks: list[DecomposedTask]
    dependencies: list[Dependency]


def _bytes(item: DecomposedTask | Dependency) -> int:
    """In an event, which leaves out what is at its default."""
    return len(item.model_dump_json(exclude_defaults=True).encode()) + len(",")


def _edge_bytes(edge: Dependency) -> int:
    if edge.kind != "FS" or edge.lag_minutes or edge.clock != "working":
        return _bytes(edge)
    return _PLAIN_EDGE + len(edge.predecessor) + len(edge.successor)


_PLAIN_EDGE = _bytes(Dependency(predecessor="", successor=""))


def split(items: Iterable[T], size_of: Callable[[T], int], limit: int) -> tuple[tuple[T, ...], ...]:
    """The items in order, in runs whose sizes add up to at most `limit`; one that is larger stands alone."""
    runs: list[list[T]] = []
    filled = 0
    for item in items:
        size = size_of(item)
        if not runs or filled + size > limit:
            runs.append([])
            filled = 0
        runs[-1].append(item)
        filled += size
    return tuple(map(tuple, runs))
