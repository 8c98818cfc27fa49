"""What changes from one plan to another: tasks, dependencies, requirements, files, and what that costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.contracts.planning import DependencyKind, LagClock, TaskRequest
from orchestra.planner.domain.after import links
from orchestra.planner.domain.plan import Plan


@dataclass(frozen=True)
class Change:
    before: Any
    after: Any


@dataclass(frozen=True)
class TaskDifference:
    key: str
    title: str
    fields: Mapping[str, Change]
    """Of a task in both plans, what differs; its order and its dependencies apart."""


@dataclass(frozen=True)
class Edge:
    predecessor: str
    successor: str
    kind: DependencyKind = "FS"
    lag_minutes: int = 0
    clock: LagClock = "working"


@dataclass(frozen=True)
class Cost:
    points: float
    minutes: int


@dataclass(frozen=True)
class Costs:
    """`difference` is what the new plan asks for beyond the old one; both kinds of estimate are summed apart."""

    before: Cost
    after: Cost
    difference: Cost


@dataclass(frozen=True)
class Difference:
    added: tuple[TaskDifference, ...]
    removed: tuple[TaskDifference, ...]
    changed: tuple[TaskDifference, ...]
    dependencies_added: tuple[Edge, ...]
    dependencies_removed: tuple[Edge, ...]
    requirements: Mapping[str, Change]
    """By reference; None where a plan does not have it."""
    files: Mapping[str, Change]
    costs: Costs


def compare(before: Plan | None, after: Plan) -> Difference:
    """From `before` (None: nothing stood) to `after`."""
    old = {task.id: task for task in before.tasks} if before else {}
    new = {task.id: task for task in after.tasks}
    both = [(old[key], new[key]) for key in new if key in old]
    changed = [TaskDifference(b.id, b.title, fields) for a, b in both if (fields := _fields(a, b))]
    edges, stood = dict.fromkeys(_edges(new.values())), dict.fromkeys(_edges(old.values()))
    costs = _cost(old.values()), _cost(new.values())
    more = Cost(round(costs[1].points - costs[0].points, 6), costs[1].minutes - costs[0].minutes)
    return Difference(
        added=tuple(TaskDifference(key, task.title, {}) for key, task in new.items() if key not in old),
        removed=tuple(TaskDifference(key, task.title, {}) for key, task in old.items() if key not in new),
        changed=tuple(changed),
        dependencies_added=tuple(edge for edge in edges if edge not in stood),
        dependencies_removed=tuple(edge for edge in stood if edge not in edges),
        requirements=_maps(_requirements(before), _requirements(after)),
        files=_maps(before.files if before else {}, after.files),
        costs=Costs(*costs, more),
    )


def _fields(before: TaskRequest, after: TaskRequest) -> dict[str, Change]:
    a, b = (task.model_dump(mode="json", exclude={"id", "after"}) for task in (before, after))
    return _maps(a, b)


def _maps(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    keys = dict.fromkeys((*before, *after))
    return {key: Change(before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _edges(tasks: Iterable[TaskRequest]) -> list[Edge]:
    return [Edge(to.task, task.id, to.kind, to.lag_minutes, to.clock) for task in tasks for to in links(task)]


def _requirements(plan: Plan | None) -> dict[str, str]:
    return {each.id: each.text for each in plan.requirements} if plan else {}


def _cost(tasks: Iterable[TaskRequest]) -> Cost:
    listed = list(tasks)
    return Cost(round(sum(task.points or 0 for task in listed), 6), sum(task.minutes or 0 for task in listed))
