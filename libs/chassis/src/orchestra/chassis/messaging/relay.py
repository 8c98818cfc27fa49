"""The relay: takes committed events from the outbox to the transport, in order, until each is safe."""

import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pydantic_core import from_json

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.outbox import Outgoing
from orchestra.chassis.messaging.traces import operation
from orchestra.chassis.messaging.transport import Transport
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import histogram
from orchestra.chassis.telemetry.tracing import exporting, span

log = logger("relay")

PUBLISHING = histogram(
    "messaging.client.operation.duration",
    "Of publishing a batch: all of it published, or some postponed.",
    "outcome",
)

BATCH = 256


async def relay_once(database: Database[UnitOfWork], transport: Transport) -> bool:
    """Publish one batch of due events; True when there may be more."""
    async with database.begin() as work:
        token, batch = await outbox.claim(work, BATCH)
    if not batch:
        return False
    began = time.perf_counter()
    with _traced(batch, database.service) as outcome:
        errors = await transport.publish(batch)
        outcome.extend(errors)
    whole = "published" if not any(errors) else "postponed"
    PUBLISHING.record(time.perf_counter() - began, {"service": database.service, "outcome": whole})
    sent = [out.position for out, error in zip(batch, errors, strict=True) if error is None]
    async with database.begin() as work:
        if sent:
            await outbox.mark_sent(work, token, sent)
        for out, error in zip(batch, errors, strict=True):
            if error is not None:
                await outbox.postpone(work, token, out, f"{type(error).__name__}: {error}")
    if len(sent) < len(batch):
        failed = next(error for error in errors if error is not None)
        log.warning("events not published", count=len(batch) - len(sent), reason=str(failed))
    return len(sent) == len(batch) == BATCH


@contextmanager
def _traced(batch: Sequence[Outgoing], service: str) -> Generator[list[Exception | None]]:
    """Around handing a batch over; the block leaves the outcome of each event in the list."""
    outcome: list[Exception | None] = []
    if not exporting():
        yield outcome
        return
    with ExitStack() as stack:
        spans = [stack.enter_context(_publish(out, service)) for out in batch]
        yield outcome
        for made, error in zip(spans, outcome, strict=True):
            if error is not None:
                made.set_attribute("error.type", type(error).__name__)
                made.set_status(Status(StatusCode.ERROR))


def _publish(out: Outgoing, service: str) -> AbstractContextManager[Span]:
    parent: str | None = from_json(out.body).get("traceparent")
    attributes = {
        **operation("send", "publish", out.kind),
        "messaging.message.id": out.event_id,
        "messaging.message.body.size": len(out.body),
        "orchestra.outbox.attempt": out.attempts + 1,
    }
    return span(f"publish {out.kind}", parent, service=service, kind=SpanKind.CLIENT, attributes=attributes, root=True)
