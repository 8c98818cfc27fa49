"""The base of every event: a frozen fact in the past tense, and the registry that finds its class by kind."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from orchestra.contracts.ids import ProjectId, WorkspaceId


class Fact(BaseModel):
    """A frozen value inside an event. Unknown fields are ignored, so that a newer publisher can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


REGISTRY: dict[str, "type[Event]"] = {}
"""Every event class by its kind."""


class Event(Fact):
    """Something that happened.

    A subclass names its `kind` (routing key `noun.verb.vN`) and which field is its `subject`:
    `class PlanProposed(Event, kind="plan.proposed.v1", subject="plan_id")`.
    `sequence` counts per subject; 0 means that the subject's events carry no order. A `packed` event travels between
    services only, many facts of one transaction in one message; outside consumers never see it.
    """

    kind: ClassVar[str]
    subject_field: ClassVar[str]
    packed: ClassVar[bool] = False

    workspace_id: WorkspaceId
    project_id: ProjectId
    sequence: int = 0

    def __init_subclass__(cls, *, kind: str = "", subject: str = "", packed: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not kind:  # an abstract event, such as PartedEvent
            return
        if kind in REGISTRY:
            raise TypeError(f"two events of the kind {kind}")
        cls.kind = kind
        cls.subject_field = subject
        cls.packed = packed
        REGISTRY[kind] = cls

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))

    def to_json(self) -> str:
        return self.model_dump_json()


class PartedEvent(Event):
    """One of `parts` events that are applied together once all have come; none is larger than 256 KB.

    There may be many of them, so what is at its default is left out, which the schema allows for any event.
    """

    part: int = 1
    parts: int = 1

    @property
    def group(self) -> str:
        """What the parts belong to."""
        return self.subject

    def to_json(self) -> str:
        return self.model_dump_json(exclude_defaults=True)
