"""An approved plan becomes the graph that the scheduler works on, in parts that fit into events.

A plan is stored in the words of the contract, what is at its default left out. So it is handed on: most of a task stays
as it stands there, and is neither read into objects nor written from them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from orchestra.contracts.ids import TaskId
from orchestra.contracts.machine_work import AgentRequest, MachineTerms
from orchestra.planner.domain.briefs import brief
from orchestra.planner.domain.paths import provided
from orchestra.planner.domain.requirements import Requirement

PART_BYTES = 200_000
"""Below the 256 KB of an event with room for the envelope."""

T = TypeVar("T")

Stored = Mapping[str, Any]
"""A plan, or a part of it, as plain values of its JSON."""

Write = Callable[[Any], bytes]
"""The JSON of plain values."""


class Part(NamedTuple):
    """Tasks and dependencies as the contract has them, each as JSON."""

    tasks: list[bytes]
    dependencies: list[bytes]


def decompose(plan: Stored, ids: Mapping[str, TaskId], write: Write, limit: int = PART_BYTES) -> list[Part]:
    """The tasks in plan order, each under the id of its key, each dependency in the part of its successor.

    The plan is free of faults. An input that a predecessor produces is a need; every other one is a file by its hash.
    A part has at most `limit` bytes. Only a task with more dependencies than one holds has the rest of them in those
    that follow.
    """
    outputs = {task["id"]: made for task in plan["tasks"] if (made := _work(task).get("outputs"))}
    texts = {f"R{each['number']}": each for each in plan["requirements"]}
    parts, filled = [Part([], [])], 0

    def room_for(size: int, together: int) -> Part:
        nonlocal filled
        if filled and filled + together > limit:
            parts.append(Part([], []))
            filled = 0
        filled += size
        return parts[-1]

    for task in plan["tasks"]:
        text = write(_decomposed(task, ids, outputs, plan["files"], texts))
        edges = [write(_dependency(link, ids, ids[task["id"]])) for link in task.get("after", ())]
        sizes = [len(edge) + len(",") for edge in edges]
        size = len(text) + len(",")
        room_for(size, min(limit, size + sum(sizes))).tasks.append(text)
        for edge, weight in zip(edges, sizes, strict=True):
            room_for(weight, weight).dependencies.append(edge)
    return parts


def covered(plan: Stored) -> Iterator[tuple[int, int]]:
    """Each requirement's number with the place in the plan of each task that covers it."""
    numbers = {f"R{each['number']}": each["number"] for each in plan["requirements"]}
    for position, task in enumerate(plan["tasks"]):
        for requirement in dict.fromkeys(task.get("covers", ())):
            yield numbers[requirement], position


def _dependency(link: str | Stored, ids: Mapping[str, TaskId], successor: TaskId) -> Stored:
    if isinstance(link, str):
        return {"predecessor": ids[link], "successor": successor}
    terms = {name: value for name, value in link.items() if name != "task"}
    return {"predecessor": ids[link["task"]], "successor": successor, **terms}


def _decomposed(
    task: Stored,
    ids: Mapping[str, TaskId],
    outputs: Mapping[str, Sequence[str]],
    files: Mapping[str, str],
    requirements: Mapping[str, Stored],
) -> Stored:
    made: dict[str, Any] = {**task, "id": ids[task["id"]], "key": task["id"]}
    after = made.pop("after", ())
    if (agent := made.pop("agent", None)) is not None:
        made["command"] = _agents_work(task, agent, requirements)
    command = made.get("command")
    if command is not None and "inputs" in command:
        made["command"] = {**command, **_inputs(command["inputs"], after, outputs, files)}
    return made


def _work(task: Stored) -> Stored:
    """What a machine does of it."""
    return task.get("command") or task.get("agent") or {}


def _agents_work(task: Stored, agent: Stored, requirements: Mapping[str, Stored]) -> Stored:
    """As a command without a program: there is more to be said to an agent than stands in the plan at its place."""
    wanted = AgentRequest.model_validate(agent)
    covered = [_requirement(requirements[name]) for name in dict.fromkeys(task.get("covers", ()))]
    told = brief(wanted, task.get("criteria", ()), covered)
    terms = wanted.model_dump(mode="json", include={*MachineTerms.model_fields, "inputs"})
    # Defaults of the work as it is asked for are not those of the work as it is handed on: all is said.
    return {**terms, "tools": wanted.commands, "agent": told.model_dump(mode="json", exclude_defaults=True)}


def _requirement(stored: Stored) -> Requirement:
    return Requirement(stored["number"], stored["text"], details=tuple(stored.get("details", ())))


def _inputs(
    wanted: Sequence[str],
    after: Sequence[str | Stored],
    outputs: Mapping[str, Sequence[str]],
    files: Mapping[str, str],
) -> Stored:
    before = dict.fromkeys(each if isinstance(each, str) else each["task"] for each in after if _finished(each))
    needs = provided(wanted, (path for name in before for path in outputs.get(name, ())))
    inputs = dict.fromkeys(wanted)
    return {
        "inputs": [{"path": path, "sha256": files[path]} for path in inputs if path not in needs],
        "needs": [path for path in inputs if path in needs],
    }


def _finished(link: str | Stored) -> bool:
    return isinstance(link, str) or "kind" not in link


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
