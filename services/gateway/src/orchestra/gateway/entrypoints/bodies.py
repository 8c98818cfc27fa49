"""Bodies of plan requests: the contract's own shapes, with nothing unknown in them."""

import re
from collections.abc import Sequence
from typing import Annotated, cast

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from orchestra.chassis.http.moments import GivenMoment
from orchestra.contracts.edits import (
    AddDependency,
    AddTask,
    ChangeTask,
    PlanEdits,
    RemoveDependency,
    RemoveTask,
    TaskPatch,
)
from orchestra.contracts.ids import Sha256
from orchestra.contracts.machine_work import AgentRequest
from orchestra.contracts.planning import (
    AfterRequest,
    CommandRequest,
    DependencyKind,
    FailOn,
    LagClock,
    PlanMode,
    TaskRequest,
    Wait,
)
from orchestra.gateway.domain.plan_request import WantedPlan

STRICT = ConfigDict(extra="forbid", frozen=True)


_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def _is_text(text: str) -> str:
    if _NOT_TEXT.search(text):
        raise PydanticCustomError("binary", "a text holds no NUL and no half of a character")
    return text


Text = Annotated[str, AfterValidator(_is_text)]
Texts = tuple[Text, ...]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Path = Annotated[Text, StringConstraints(min_length=1, max_length=1000)]
Hash = Annotated[Sha256, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FailOnBody(FailOn):
    model_config = STRICT

    output: Texts = ()


class CommandBody(CommandRequest):
    model_config = STRICT

    argv: Annotated[Texts, Field(min_length=1)]
    tools: Texts = ()
    inputs: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()
    hosts: Annotated[Texts, Field(max_length=100)] = ()
    mutexes: Annotated[Texts, Field(max_length=16)] = ()
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    fail_on: FailOnBody = FailOnBody()  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    timeout_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class AgentBody(AgentRequest):
    model_config = STRICT

    instructions: Text = ""
    tools: Texts = AgentRequest.model_fields["tools"].default
    approve: Texts = ()
    commands: Annotated[Texts, Field(max_length=100)] = ()
    checks: Annotated[tuple[Texts, ...], Field(max_length=100)] = ()
    model: Name | None = None
    prefer: Name | None = None
    prefer_type: Name | None = None
    inputs: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()
    hosts: Annotated[Texts, Field(max_length=100)] = ()
    mutexes: Annotated[Texts, Field(max_length=16)] = ()
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    timeout_s: Annotated[int, Field(ge=1, le=86_400)] = 1800


Priority = Annotated[int, Field(ge=-10_080, le=10_080)]
"""A week of waiting, in minutes."""

MOST_LAG = 525_600
"""A year, in minutes."""

_LAG = re.compile(r"(?P<sign>-?)(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m)?")


def _minutes(lag: object) -> int:
    """`90`, `90m`, `2h` or `1h30m`. A negative lag, a lead, is refused: at run time nobody knows ahead."""
    if isinstance(lag, int) and not isinstance(lag, bool):
        minutes = lag
    else:
        found = _LAG.fullmatch(lag) if isinstance(lag, str) else None
        if found is None or not any(found.group("hours", "minutes")):
            raise PydanticCustomError("lag", "a lag is minutes, or written like 90m, 2h or 1h30m")
        minutes = int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)
        minutes = -minutes if found["sign"] else minutes
    if minutes < 0:
        raise PydanticCustomError("negative_lag", "a lag is not negative: nobody knows ahead when it would begin")
    return minutes


Lag = Annotated[
    int,
    BeforeValidator(_minutes, json_schema_input_type=int | str),
    Field(le=MOST_LAG, validation_alias=AliasChoices("lag", "lag_minutes")),
]
"""As people write it in plan.yaml, or as the contract calls it."""


class AfterBody(BaseModel):
    """A dependency with its kind, its lag and the clock that it is counted on."""

    model_config = STRICT

    task: Text
    kind: DependencyKind = "FS"
    lag: Lag = 0
    clock: LagClock = "working"


def _long(after: object) -> object:
    """Every name as a mapping, so that a fault has one place whichever way the entry was written."""
    if not isinstance(after, list | tuple):
        return after
    return [{"task": each} if isinstance(each, str) else each for each in cast("Sequence[object]", after)]


def _short(after: tuple[AfterBody, ...]) -> tuple[str | AfterRequest, ...]:
    return tuple(
        AfterRequest(task=each.task, kind=each.kind, lag_minutes=each.lag, clock=each.clock)
        if each.kind != "FS" or each.lag
        else each.task
        for each in after
    )


def _names_alone(after: object, validate: ValidatorFunctionWrapHandler) -> tuple[str | AfterRequest, ...]:
    """Most lists are names alone, and very many: no mapping is made of each. Faults are found the long way."""
    if isinstance(after, list):
        entries = cast("list[object]", after)
        names = [each for each in entries if isinstance(each, str)]
        if len(names) == len(entries) and not _NOT_TEXT.search("".join(names)):
            return tuple(names)
    return validate(after)


def _as_it_is(after: tuple[str | AfterRequest, ...]) -> tuple[str | AfterRequest, ...]:
    return after


After = Annotated[
    tuple[AfterBody, ...],
    BeforeValidator(_long, json_schema_input_type=tuple[str | AfterBody, ...]),
    AfterValidator(_short),
    WrapValidator(_names_alone, json_schema_input_type=tuple[str | AfterBody, ...]),
    PlainSerializer(_as_it_is, return_type=tuple[str | AfterRequest, ...]),
]
"""Names and mappings; once validated, the contract's `after`."""


class WaitBody(Wait):
    model_config = STRICT

    minutes: Annotated[int, Field(gt=0, le=MOST_LAG)]


class TaskBody(TaskRequest):
    model_config = STRICT

    id: Name
    title: Name
    covers: Texts = ()
    points: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    minutes: Annotated[int, Field(gt=0)] | None = None
    role: Name | None = None
    priority: Priority = 0
    criteria: Texts = ()
    after: After = ()  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    command: CommandBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    agent: AgentBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    start_at: GivenMoment | None = None
    deadline: GivenMoment | None = None
    wait: WaitBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)


class PatchBody(TaskPatch):
    title: Name | None = None
    covers: Texts = ()
    points: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    minutes: Annotated[int, Field(gt=0)] | None = None
    role: Name | None = None
    priority: Priority = 0
    criteria: Texts = ()
    command: CommandBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    agent: AgentBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    start_at: GivenMoment | None = None
    deadline: GivenMoment | None = None
    wait: WaitBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)


class AddBody(AddTask):
    task: TaskBody  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)


class ChangeBody(ChangeTask):
    set: PatchBody  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)


class AddDependencyBody(AddDependency):
    lag_minutes: Lag = 0


class EditsBody(PlanEdits):
    edits: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
        tuple[
            Annotated[
                AddBody | ChangeBody | RemoveTask | AddDependencyBody | RemoveDependency, Field(discriminator="op")
            ],
            ...,
        ],
        Field(min_length=1, max_length=1000),
    ]


class PlanBody(BaseModel):
    """What is wanted. With tasks the mode is `given` unless said otherwise, without it is `auto`."""

    model_config = STRICT

    document: str
    """Markdown or plain text, at most 1,000,000 bytes in UTF-8."""
    document_name: Name
    mode: PlanMode | None = None
    tasks: tuple[TaskBody, ...] = ()
    files: dict[Path, Hash] = Field(default_factory=dict[str, Sha256])
    """Project files by path, each uploaded as an artifact before."""

    def wanted(self) -> WantedPlan:
        mode = self.mode or ("given" if self.tasks else "auto")
        return WantedPlan(self.document, self.document_name, mode, self.tasks, self.files)
