"""W3C trace context: taken in, carried on, written into logs. Spans come from the OpenTelemetry SDK.

Each service of a process has a provider of its own, so that its spans carry its name wherever it runs; what leaves the
process leaves through one exporter (exporting.py), and nothing does unless the environment names a collector.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from orchestra.chassis.telemetry.exporting import flush, resource_of, span_exports

Attributes = Mapping[str, AttributeValue]

_propagator = TraceContextTextMapPropagator()
_tracers: dict[str, Tracer] = {}
_exports: SpanProcessor | None = None
_service: ContextVar[str] = ContextVar("service", default="")
"""Whose work this is: spans inside a span of a service are that service's."""


def start_tracing(service: str = "") -> None:
    """Make the spans of a service real in this process; a second call changes nothing."""
    global _exports
    if service in _tracers:
        return
    _exports = _exports or span_exports()
    provider = TracerProvider(resource=resource_of(service), shutdown_on_exit=False)
    if _exports is not None:
        provider.add_span_processor(_exports)
    _tracers[service] = provider.get_tracer("orchestra")


def stop_tracing() -> None:
    """Hand over the spans that have ended; waits a few seconds at most."""
    if _exports is not None:
        flush(_exports.force_flush)


def exporting() -> bool:
    """Whether anybody sees spans: those that only describe are not made otherwise."""
    return _exports is not None


def _tracer() -> Tracer:
    if (found := _tracers.get(_service.get())) is not None:
        return found
    if not _tracers:
        start_tracing()
    return next(iter(_tracers.values()))


@contextmanager
def span(
    name: str,
    parent: str | None = None,
    *,
    service: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Sequence[str | None] = (),
    root: bool = False,
    since: datetime | None = None,
) -> Generator[Span]:
    """A span around the block: a child of `parent` (a traceparent), else of the one around it unless it is a `root`.

    `links` are traceparents of what else led here; `since` is when it began, where that was before this block.
    """
    token = _service.set(service) if service is not None else None
    context = _context(parent) if parent else Context() if root else None
    try:
        with _tracer().start_as_current_span(
            name,
            context=context,
            kind=kind,
            attributes=attributes,
            links=[Link(found) for each in links if (found := _span_context(each)).is_valid],
            start_time=round(since.timestamp() * 1e9) if since else None,
            record_exception=False,
            set_status_on_exception=False,
        ) as made:
            try:
                yield made
            except BaseException as error:
                # Its kind alone: the text of an error may hold anything, a secret too.
                made.set_attribute("error.type", type(error).__name__)
                made.set_status(Status(StatusCode.ERROR))
                raise
    finally:
        if token is not None:
            _service.reset(token)


def emit(name: str, parent: str | None, kind: SpanKind, attributes: Attributes, *, service: str) -> str | None:
    """A span that ends at once, for what happens in no time; returns its traceparent. Linked to the one around it."""
    around = traceparent()
    links = (around,) if parent and around and around != parent else ()
    with span(name, parent, service=service, kind=kind, attributes=attributes, links=links):
        return traceparent()


def _context(parent: str) -> Context:
    return _propagator.extract({"traceparent": parent}, context=Context())


def _span_context(parent: str | None) -> trace.SpanContext:
    return trace.get_current_span(_context(parent or "")).get_span_context()


def traceparent() -> str | None:
    """The trace context here, as it travels."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The trace's id, 32 hexadecimal digits."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def same_trace(parents: Sequence[str | None]) -> bool:
    """Whether all of them name one trace."""
    return len({each[3:35] if each else "" for each in parents}) == 1 and bool(parents[0])
