"""Changes of a plan by hand, as a caller sends them: a list of these makes the next version of the plan that stands."""

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from orchestra.contracts.event import Fact
from orchestra.contracts.ids import Sha256
from orchestra.contracts.machine_work import AgentRequest
from orchestra.contracts.moments import Moment
from orchestra.contracts.planning import CommandRequest, DependencyKind, DependencyTerms, TaskRequest, Wait

_STRICT = ConfigDict(extra="forbid", frozen=True)


class TaskPatch(Fact):
    """The fields of a task that change; one that is left out stays.

    An estimate takes the place of the other kind, a command that of an agent's work and the other way round. A wait
    takes the place of all these and of the role, and gives way to each of them.
    """

    model_config = _STRICT

    title: str | None = None
    covers: tuple[str, ...] = ()
    points: float | None = None
    minutes: int | None = None
    role: str | None = None
    criteria: tuple[str, ...] = ()
    priority: int = 0
    command: CommandRequest | None = None
    agent: AgentRequest | None = None
    start_at: Moment | None = None
    deadline: Moment | None = None
    wait: Wait | None = None


class AddTask(Fact):
    model_config = _STRICT

    op: Literal["add_task"]
    task: TaskRequest


class ChangeTask(Fact):
    model_config = _STRICT

    op: Literal["change_task"]
    id: str
    set: TaskPatch


class RemoveTask(Fact):
    """Its dependencies go with it."""

    model_config = _STRICT

    op: Literal["remove_task"]
    id: str


class AddDependency(DependencyTerms):
    model_config = _STRICT

    op: Literal["add_dependency"]
    predecessor: str
    successor: str


class RemoveDependency(Fact):
    model_config = _STRICT

    op: Literal["remove_dependency"]
    predecessor: str
    successor: str
    kind: DependencyKind = "FS"


Edit: TypeAlias = Annotated[
    AddTask | ChangeTask | RemoveTask | AddDependency | RemoveDependency, Field(discriminator="op")
]


class PlanEdits(Fact):
    """Done one after the other, all or none."""

    model_config = _STRICT

    edits: Annotated[tuple[Edit, ...], Field(min_length=1, max_length=1000)]
    files: dict[str, Sha256] = Field(default_factory=dict[str, Sha256])
    """Files that commands need beside those that the plan has, by path."""
    approve: bool = False
    """Approve the new version in the same transaction."""
