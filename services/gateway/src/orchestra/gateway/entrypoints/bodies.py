"""Bodies of plan requests: the contract's own shapes, with nothing unknown in them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import CommandRequest, FailOn, PlanMode, TaskRequest
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
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    fail_on: FailOnBody = FailOnBody()  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)
    timeout_s: Annotated[int, Field(ge=1, le=86_400)] = 300


class TaskBody(TaskRequest):
    model_config = STRICT

    id: Name
    title: Name
    covers: Texts = ()
    points: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    minutes: Annotated[int, Field(gt=0)] | None = None
    role: Name | None = None
    criteria: Texts = ()
    after: Texts = ()
    command: CommandBody | None = None  # pyright: ignore[reportIncompatibleVariableOverride] (both are frozen)


class PlanBody(BaseModel):
    """What is wanted. With tasks the mode is `given` unless said otherwise, without it is `document`."""

    model_config = STRICT

    document: str
    """Markdown or plain text, at most 1,000,000 bytes in UTF-8."""
    document_name: Name
    mode: PlanMode | None = None
    tasks: tuple[TaskBody, ...] = ()
    files: dict[Path, Hash] = Field(default_factory=dict[str, Sha256])
    """Project files by path, each uploaded as an artifact before."""

    def wanted(self) -> WantedPlan:
        mode = self.mode or ("given" if self.tasks else "document")
        return WantedPlan(self.document, self.document_name, mode, self.tasks, self.files)
