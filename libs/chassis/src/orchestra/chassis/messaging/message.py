"""The envelope: CloudEvents 1.0 in structured JSON."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json, to_json

from orchestra.chassis.errors import Permanent
from orchestra.contracts.event import REGISTRY, Event, PartedEvent

TYPE_PREFIX = "orchestra."


class Undecodable(Permanent):
    """This is not an event of ours."""


class CloudEvent(BaseModel):
    """The attributes of an envelope and its undecoded fact. Extension names are lower case without marks."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = "1.0"
    id: str = Field(min_length=1, max_length=64)
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    workspaceid: str = ""
    sequence: int = 0
    traceparent: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    data: dict[str, Any]


@cache
def _of(event: type[Event]) -> tuple[TypeAdapter[CloudEvent], TypeAdapter[list[CloudEvent]]]:
    """Envelopes of this kind alone, attributes and fact in one pass: one of them, and a list."""
    name = re.escape(TYPE_PREFIX + event.kind)
    fields: Any = {"type": (str, Field(pattern=f"^{name}$")), "data": (event, ...)}
    model: Any = create_model(f"{event.__name__}InCloud", __base__=CloudEvent, **fields)
    several: Any = list.__class_getitem__(model)
    return TypeAdapter(model), TypeAdapter(several)


@dataclass(frozen=True)
class Envelope:
    """One event on its way: its attributes, and the fact, decoded on first use where it is not yet."""

    cloud: CloudEvent

    @property
    def id(self) -> str:
        return self.cloud.id

    @property
    def kind(self) -> str:
        """The routing key: the type without its prefix."""
        return self.cloud.type.removeprefix(TYPE_PREFIX)

    @cached_property
    def event(self) -> Event:
        """The fact. Raises Undecodable when its kind is unknown or its fields are not those of its kind."""
        data: Any = self.cloud.data
        if isinstance(data, Event):
            return data
        return self._read(lambda cls: cls.model_validate(data))

    @cached_property
    def taken(self) -> Event:
        """The fact as its subscriber takes it: one of many parts unread, for all are read together. Raises the same."""
        data: Any = self.cloud.data
        if isinstance(data, Event) or data.get("parts", 1) == 1:
            return self.event
        return self._read(lambda cls: cls.unread(data, plain(data)) if issubclass(cls, PartedEvent) else self.event)

    def _read(self, read: Callable[[type[Event]], Event]) -> Event:
        cls = REGISTRY.get(self.kind)
        if cls is None:
            raise Undecodable(f"no event is called {self.kind}")
        try:
            return read(cls)
        except ValidationError as error:
            raise Undecodable(f"{self.kind}: {error}") from error

    def to_json(self) -> str:
        data: Any = self.cloud.data
        if not isinstance(data, Event):
            return self.cloud.model_dump_json(exclude_none=True)
        return f'{self.head()},"data":{data.to_json()}}}'

    def head(self) -> str:
        """The JSON up to the fact."""
        return self.cloud.model_dump_json(exclude_none=True, exclude=_DATA)[:-1]


_DATA = {"data"}


def wrap(
    event: Event,
    *,
    event_id: str,
    source: str,
    time: datetime,
    traceparent: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
) -> Envelope:
    return Envelope(
        CloudEvent.model_construct(  # nothing in it comes from outside
            id=event_id,
            source=source,
            type=TYPE_PREFIX + event.kind,
            subject=event.subject,
            time=time,
            workspaceid=event.workspace_id,
            sequence=event.sequence,
            traceparent=traceparent,
            correlationid=correlation_id or event_id,
            causationid=causation_id,
            data=cast("Any", event),
        )
    )


@dataclass(frozen=True)
class Outgoing:
    """An event on its way out, as it stands in the outbox."""

    event_id: str
    kind: str
    body: str
    attempts: int = 0
    """Tries to publish it that failed."""


def decode(body: bytes | str, event: type[Event] | None = None) -> list[Envelope]:
    """The envelopes in a message: one object, or a list of them (CloudEvents batched mode).

    With the `event` that is expected, whole and sound ones are decoded in one pass; if any is not, each is taken by
    itself, and judged when its fact is asked for. So is one that comes in parts.
    """
    if event is not None and not issubclass(event, PartedEvent):
        one, many = _of(event)
        with suppress(ValidationError):
            is_list = body[:1] in (b"[", "[")
            return [Envelope(each) for each in (many.validate_json(body) if is_list else [one.validate_json(body)])]
    try:
        content: Any = from_json(body)
        items = cast("list[Any]", content) if isinstance(content, list) else [content]
        return [Envelope(CloudEvent.model_validate(item)) for item in items]
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"not a CloudEvent in JSON: {error}") from error


def pack(bodies: list[str]) -> bytes:
    """Several envelopes as one message."""
    return b"[" + b",".join(body.encode() for body in bodies) + b"]" if len(bodies) != 1 else bodies[0].encode()


def written(value: Any) -> bytes:
    """Compact JSON of plain values and pydantic models."""
    return to_json(value)


def plain(value: Any) -> str:
    """The same as text."""
    return written(value).decode()
