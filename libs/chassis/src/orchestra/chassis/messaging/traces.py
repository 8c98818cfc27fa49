"""The spans of an event on its way, by OpenTelemetry's messaging conventions: create, publish, process, handle.

An event carries the context of the span that created it. `publish` and `process` are its children, in whatever process
they happen. A delivery of events of several traces is a trace of its own with a link to each: fan-in has no parent.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import SpanKind

from orchestra.chassis.messaging.message import Envelope
from orchestra.chassis.telemetry.tracing import Attributes, emit, exporting, same_trace, span, traceparent
from orchestra.contracts.event import Event

MOST_LINKS = 128


def produced(event: Event, event_id: str, trace: str | None, service: str) -> str | None:
    """The context that a new event carries: that of its own span, in `trace` or else in the trace around."""
    parent = trace or traceparent()
    if not exporting():
        return parent
    attributes = {
        **operation("create", "create", event.kind),
        "messaging.message.id": event_id,
        "orchestra.subject": event.subject,
    }
    return emit(f"create {event.kind}", parent, SpanKind.PRODUCER, attributes, service=service)


@contextmanager
def processing(service: str, kind: str, envelopes: Sequence[Envelope]) -> Generator[None]:
    """Around a delivery. One trace goes on here; several get one of their own."""
    parents = [envelope.cloud.traceparent for envelope in envelopes[:MOST_LINKS]]
    parent = parents[0] if same_trace(parents) else None
    links = parents if parent is None else parents[1:]
    attributes: dict[str, Any] = {
        **operation("process", "process", kind),
        "messaging.consumer.group.name": service,
        "messaging.batch.message_count": len(envelopes),
    }
    if len(envelopes) == 1:
        attributes["messaging.message.id"] = envelopes[0].id
    with span(
        f"process {kind}",
        parent,
        service=service,
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        links=links if exporting() else (),
        root=True,
    ):
        yield


@contextmanager
def handling(envelope: Envelope, *, alone: bool) -> Generator[None]:
    """Around one event of a delivery; what follows from it belongs to its own trace, whichever others came with it."""
    if alone:
        yield
        return
    attributes = {"messaging.message.id": envelope.id}
    links = (traceparent(),)
    with span(f"handle {envelope.kind}", envelope.cloud.traceparent, attributes=attributes, links=links):
        yield


def operation(kind: str, name: str, destination: str) -> Attributes:
    return {
        "messaging.system": _carrier[0],
        "messaging.operation.type": kind,
        "messaging.operation.name": name,
        "messaging.destination.name": destination,
    }


def carried_by(system: str) -> None:
    """Name what carries events in this process, once; until then they do not leave it."""
    _carrier[0] = system


_carrier = ["in_process"]
