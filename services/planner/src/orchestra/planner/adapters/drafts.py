"""Drafts of plans, as a model writes them: the schema that it keeps to, and the tasks that a draft comes to."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestra.contracts.machine_work import AgentKind, Difficulty
from orchestra.contracts.planning import Fault, TaskRequest
from orchestra.contracts.pointers import json_pointer
from orchestra.planner.application.ports import Draft
from orchestra.planner.domain.drafting import MOST_TASKS
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.team import DraftedTool

Line = Annotated[str, Field(min_length=1, max_length=500)]


class _Agent(BaseModel):
    """Work for an AI agent. Its limits, its budget and what it could start or reach are not a model's to choose."""

    model_config = ConfigDict(extra="forbid")

    instructions: Annotated[str, Field(min_length=1, max_length=8_000)]
    kind: AgentKind
    difficulty: Difficulty
    tools: Annotated[list[DraftedTool], Field(min_length=1, max_length=10)]
    outputs: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=20)] = []


class _Task(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    covers: list[Annotated[str, Field(pattern=r"^R[0-9]+$")]]
    after: list[str] = []
    criteria: Annotated[list[Line], Field(min_length=1, max_length=20)]
    role: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    points: Annotated[float, Field(gt=0, le=100)] | None = None
    minutes: Annotated[int, Field(gt=0, le=480)] | None = None
    agent: _Agent | None = None


class _Draft(BaseModel):
    """A plan of tasks."""

    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[list[_Task], Field(min_length=1, max_length=MOST_TASKS)]
    assumptions: Annotated[list[Line], Field(max_length=20)] = []


def schema(for_agents: bool) -> dict[str, Any]:
    """JSON Schema of a draft, with or without work for AI agents."""
    made = _Draft.model_json_schema()
    if not for_agents:
        del made["$defs"][_Agent.__name__], made["$defs"][_Task.__name__]["properties"]["agent"]
    return made


def read_draft(text: str) -> Draft:
    """Raises InvalidPlan where it does not keep to the schema."""
    try:
        draft = _Draft.model_validate_json(text)
    except ValidationError as error:
        faults = [Fault(pointer=json_pointer(e["loc"]), code=e["type"], detail=e["msg"]) for e in error.errors()]
        raise InvalidPlan(faults) from error
    return Draft(
        tuple(TaskRequest.model_validate(task.model_dump(exclude_none=True)) for task in draft.tasks),
        tuple(draft.assumptions),
    )
