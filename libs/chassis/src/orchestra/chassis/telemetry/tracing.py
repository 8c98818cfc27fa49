"""W3C trace context: taken in, carried on, written into logs. Spans come from the OpenTelemetry SDK."""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("orchestra")


def start_tracing() -> None:
    """Make spans real in this process; a second call changes nothing."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())


@contextmanager
def span(name: str, parent: str | None = None) -> Generator[None]:
    """A span around the block: a child of `parent` (a traceparent), else of the one around it."""
    context: Context | None = _propagator.extract({"traceparent": parent}) if parent else None
    with _tracer.start_as_current_span(name, context=context):
        yield


def traceparent() -> str | None:
    """The trace context here, as it travels."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The trace's id, 32 hexadecimal digits."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
