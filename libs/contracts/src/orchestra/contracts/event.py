"""The base of every event: a frozen fact in the past tense, and the registry that finds its class by kind."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

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

    divided: ClassVar[tuple[str, ...]] = ()
    """The fields that are split over the parts; the others are the same in each."""

    part: int = 1
    parts: int = 1
    _text: str = PrivateAttr(default="")

    @property
    def group(self) -> str:
        """What the parts belong to."""
        return self.subject

    def to_json(self) -> str:
        return self._text or self.model_dump_json(exclude_defaults=True)

    @classmethod
    def unread(cls, content: dict[str, Any], text: str) -> Self:
        """One of many parts: read are its own fields; the divided ones are kept in its JSON, and empty here."""
        own = {name: value for name, value in content.items() if name not in cls.divided}
        empty = {name: () for name in cls.divided if cls.model_fields[name].is_required()}
        event = cls.model_validate({**own, **empty})
        event._text = text  # noqa: SLF001 - its own
        return event

    def written(self, **lists: Iterable[bytes]) -> Self:
        """The same event with these lists, each item of which is JSON already.

        It is on its way out: what its fields say of the lists means nothing.
        """
        rest = self.model_dump_json(exclude_defaults=True, exclude=set(lists))
        each = (f'"{name}":[{b",".join(items).decode()}]' for name, items in lists.items())
        event = self.model_copy()
        event._text = f"{rest[:-1]},{','.join(each)}}}"  # noqa: SLF001 - its own
        return event
