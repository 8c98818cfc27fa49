"""A plan: requirements, the tasks that cover them, the project files that the tasks read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Fault, PlanMode, PlanRequested, TaskRequest
from orchestra.planner.domain.after import short
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.prose import shorten
from orchestra.planner.domain.requirements import Requirement

DEFAULT_POINTS = 3.0
DEFAULT_COMMAND_MINUTES = 1
DEFAULT_AGENT_MINUTES = 15


@dataclass(frozen=True)
class Plan:
    """`files` are the project's files by path; `assumptions` are sentences for whoever approves."""

    mode: PlanMode
    requirements: tuple[Requirement, ...]
    tasks: tuple[TaskRequest, ...]
    files: Mapping[str, Sha256]
    assumptions: tuple[str, ...] = ()

    @cached_property
    def coverage(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of the tasks that cover it, by requirement id, both in plan order."""
        covering: dict[str, list[str]] = {requirement.id: [] for requirement in self.requirements}
        for task in self.tasks:
            for requirement_id in dict.fromkeys(task.covers):
                if requirement_id in covering:
                    covering[requirement_id].append(task.id)
        return {requirement_id: tuple(tasks) for requirement_id, tasks in covering.items()}

    @cached_property
    def _requirements(self) -> Mapping[str, Requirement]:
        return {requirement.id: requirement for requirement in self.requirements}

    def covered_by(self, task: TaskRequest) -> tuple[Requirement, ...]:
        """Those that the task covers, each once."""
        return tuple(self._requirements[each] for each in dict.fromkeys(task.covers) if each in self._requirements)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """The requirements that no task covers."""
        return tuple(requirement_id for requirement_id, tasks in self.coverage.items() if not tasks)


def whole(parts: Sequence[PlanRequested]) -> PlanRequested:
    """The request whose parts, in any order, these are."""
    ordered = sorted(parts, key=lambda event: event.part)
    files: dict[str, Sha256] = {}
    for event in ordered:
        files |= event.files
    return ordered[0].model_copy(
        update={
            "part": 1,
            "parts": 1,
            "document": "".join(event.document for event in ordered),
            "tasks": tuple(chain.from_iterable(event.tasks for event in ordered)),
            "files": files,
            "team": tuple(chain.from_iterable(event.team for event in ordered)),
        }
    )


def propose(
    mode: PlanMode,
    requirements: Sequence[Requirement],
    tasks: Sequence[TaskRequest] = (),
    files: Mapping[str, Sha256] | None = None,
) -> Plan:
    """The plan that a request comes to, not checked yet.

    Mode `document`: one person task a requirement and nothing else. Mode `given`: the tasks as they are, with an
    estimate for each command that has none. Raises InvalidPlan where mode `document` comes with tasks.
    """
    if mode == "given":
        made, assumptions = _as_given(tasks)
    elif tasks:
        raise InvalidPlan(
            [Fault(pointer="/tasks", code="tasks-not-expected", detail="Mode document makes its own tasks.")]
        )
    else:
        made, assumptions = _from_document(requirements)
    return Plan(mode, tuple(requirements), made, dict(files or {}), assumptions)


def _from_document(requirements: Sequence[Requirement]) -> tuple[tuple[TaskRequest, ...], tuple[str, ...]]:
    tasks = tuple(
        TaskRequest(
            id=requirement.id.lower(),
            title=shorten(requirement.text),
            covers=(requirement.id,),
            points=DEFAULT_POINTS,
            criteria=(requirement.text, *requirement.details),
        )
        for requirement in requirements
    )
    return tasks, (
        f"No plan was given: one task a requirement, {DEFAULT_POINTS:g} points each, no order between them.",
        "Every task is for a person: commands come only from a given plan.",
    )


def _as_given(tasks: Sequence[TaskRequest]) -> tuple[tuple[TaskRequest, ...], tuple[str, ...]]:
    guessed = [task for task in tasks if task.work and task.points is None and task.minutes is None]
    agents = sum(task.agent is not None for task in guessed)
    assumptions: list[str] = []
    if commands := len(guessed) - agents:
        assumptions.append(f"Commands without an estimate take {DEFAULT_COMMAND_MINUTES} minute each: {commands}.")
    if agents:
        assumptions.append(f"Work for agents without an estimate takes {DEFAULT_AGENT_MINUTES} minutes each: {agents}.")
    return tuple(short(_estimated(task)) for task in tasks), tuple(assumptions)


def _estimated(task: TaskRequest) -> TaskRequest:
    if task.work is None or task.points is not None or task.minutes is not None:
        return task
    minutes = DEFAULT_AGENT_MINUTES if task.agent is not None else DEFAULT_COMMAND_MINUTES
    return task.model_copy(update={"minutes": minutes})
