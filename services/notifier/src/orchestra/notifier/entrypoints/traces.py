"""A try to deliver as a span, and counted. Where it goes and what it says stay out of it: both may hold secrets."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind, Status, StatusCode

from orchestra.chassis.telemetry.metrics import counter
from orchestra.chassis.telemetry.tracing import span
from orchestra.notifier.domain.delivery import Delivery, Outcome

NOTIFICATIONS = counter(
    "orchestra.notifications",
    "{try}",
    "Tries to deliver a notice: delivered or failed.",
    "channel",
    "outcome",
    zeros=tuple({"service": "notifier", "channel": "webhook", "outcome": each} for each in ("delivered", "failed")),
)


@contextmanager
def sending(channel: str, delivery: Delivery) -> Generator[Callable[[Outcome], None]]:
    """Around one try; what is yielded is told what came of it."""
    attributes = {
        "orchestra.delivery.id": delivery.id,
        "orchestra.delivery.channel": channel,
        "orchestra.delivery.kind": delivery.kind,
        "orchestra.delivery.try": delivery.tries + 1,
    }
    with span(f"send {channel}", service="notifier", kind=SpanKind.CLIENT, root=True, attributes=attributes) as made:

        def tell(outcome: Outcome) -> None:
            ended = "delivered" if outcome.taken else "failed"
            NOTIFICATIONS.add(1, {"service": "notifier", "channel": channel, "outcome": ended})
            if outcome.status is not None:
                protocol = "http" if channel == "webhook" else "smtp"
                made.set_attribute(f"{protocol}.response.status_code", outcome.status)
            if not outcome.taken:
                made.set_attribute("error.type", str(outcome.status or "no-answer"))
                made.set_status(Status(StatusCode.ERROR))

        yield tell
