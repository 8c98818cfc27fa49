"""The envelope: CloudEvents 1.0 in structured JSON."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from orchestra.chassis.errors import Permanent
from orchestra.contracts.event import REGISTRY, Event

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


@dataclass(frozen=True)
class Envelope:
    """One event on its way: its attributes, and the fact decoded on first use."""

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
        cls = REGISTRY.get(self.kind)
        if cls is None:
            raise Undecodable(f"no event is called {self.kind}")
        try:
            return cls.model_validate(self.cloud.data)
        except ValidationError as error:
            raise Undecodable(f"{self.kind}: {error}") from error

    def to_json(self) -> str:
        return self.cloud.model_dump_json(exclude_none=True)


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
        CloudEvent(
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
            data=event.model_dump(mode="json"),
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


def decode(body: bytes | str) -> list[Envelope]:
    """The envelopes in a message: one object, or a list of them (CloudEvents batched mode)."""
    try:
        content: Any = from_json(body)
        items = cast("list[Any]", content) if isinstance(content, list) else [content]
        return [Envelope(CloudEvent.model_validate(item)) for item in items]
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"not a CloudEvent in JSON: {error}") from error


def pack(bodies: list[str]) -> bytes:
    """Several envelopes as one message."""
    return b"[" + b",".join(body.encode() for body in bodies) + b"]" if len(bodies) != 1 else bodies[0].encode()


def plain(value: Any) -> str:
    """Compact JSON text of plain values and pydantic models."""
    return to_json(value).decode()
