"""The relay: takes committed events from the outbox to the transport, in order, until each is safe.

It finds what the express has not: what was postponed, and what a dead process has left.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pydantic_core import from_json

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.message import Outgoing
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

Failure = tuple[Outgoing, Exception]
"""An event that was not published, and why."""


async def relay_once(database: Database[UnitOfWork], transport: Transport) -> bool:
    """Publish one batch of due events; True when there may be more."""
    async with database.begin() as work:
        token, batch = await outbox.claim(work, BATCH)
    if not batch:
        return False
    sent, failed = await publish(batch, transport, database.service)
    async with database.begin() as work:
        if sent:
            await outbox.mark_sent(work, token, sent)
        await postpone(work, token, failed)
    return len(sent) == BATCH


async def publish(batch: Sequence[Outgoing], transport: Transport, service: str) -> tuple[list[str], list[Failure]]:
    """The ids of those that are safe, and those that are not."""
    began = time.perf_counter()
    with _traced(batch, service) as outcome:
        errors = await transport.publish(batch)
        outcome.extend(errors)
    outcomes = list(zip(batch, errors, strict=True))
    failed = [(out, error) for out, error in outcomes if error is not None]
    PUBLISHING.record(
        time.perf_counter() - began, {"service": service, "outcome": "postponed" if failed else "published"}
    )
    if failed:
        log.warning("events not published", count=len(failed), reason=str(failed[0][1]))
    return [out.event_id for out, error in outcomes if error is None], failed


async def postpone(work: UnitOfWork, token: str, failed: Sequence[Failure]) -> None:
    for out, error in failed:
        await outbox.postpone(work, token, out, f"{type(error).__name__}: {error}")


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
