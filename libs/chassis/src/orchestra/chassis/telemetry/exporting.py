"""What leaves the process: OTLP over HTTP, where the standard variables ask for it. Nothing is imported otherwise.

`OTEL_EXPORTER_OTLP_ENDPOINT` (or the one of the signal) switches traces and metrics on; `OTEL_TRACES_EXPORTER` and
`OTEL_METRICS_EXPORTER` say `otlp` or `none` for each; `OTEL_SDK_DISABLED=true` switches all off.
"""

import importlib.metadata
import logging
import os
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any, Literal
from uuid import uuid4

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from orchestra.chassis.settings import InvalidSettings

log = logging.getLogger("orchestra.telemetry")

Signal = Literal["traces", "metrics"]

FLUSH_S = 5.0
"""How long a stop waits for a collector."""

INSTANCE = uuid4().hex
"""This process, among the replicas of a service."""


class UnsupportedExporter(InvalidSettings):
    """The environment asks for an exporter that is not here."""


def wanted(signal: Signal) -> bool:
    """Whether the environment asks for OTLP. Raises UnsupportedExporter for any other exporter or protocol."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    name = f"OTEL_{signal.upper()}_EXPORTER"
    named = os.environ.get(name, "").strip().lower()
    if named not in ("", "otlp", "none"):
        raise UnsupportedExporter(f"{name} is {named}: only otlp and none are known")
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
    somewhere = any(os.environ.get(f"{prefix}_ENDPOINT") for prefix in ("OTEL_EXPORTER_OTLP", own))
    if named == "none" or not (named or somewhere):
        return False
    protocol = os.environ.get(f"{own}_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if protocol.strip().lower() != "http/protobuf":
        raise UnsupportedExporter(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}: only http/protobuf is known")
    return True


def resource_of(service: str) -> Resource:
    """Who speaks. What the standard variables say of it goes before our own."""
    ours: dict[str, str] = {
        "service.namespace": "orchestra",
        "service.version": importlib.metadata.version("orchestra-chassis"),
        "service.instance.id": INSTANCE,
    }
    if not os.environ.get("OTEL_SERVICE_NAME"):
        ours["service.name"] = service or "orchestra"
    return Resource(ours).merge(Resource.create()) if "service.name" not in ours else Resource.create(ours)


def span_exports() -> SpanProcessor | None:
    """What takes ended spans to the collector, in a thread of its own; None where nobody asked for it."""
    if not wanted("traces"):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    _quiet()
    return BatchSpanProcessor(_Told(OTLPSpanExporter()))


def metric_exports() -> Any:
    """What takes measures to the collector now and then; None where nobody asked for it."""
    if not wanted("metrics"):
        return None
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader

    health = Health("metrics")

    class Told(OTLPMetricExporter):
        def export(self, *given: Any, **options: Any) -> MetricExportResult:
            result: Any = super().export(*given, **options)  # pyright: ignore[reportUnknownMemberType]
            health.saw(result is MetricExportResult.SUCCESS)
            return result

    _quiet()
    return PeriodicExportingMetricReader(Told())


def flush(force: Callable[[], object]) -> None:
    """Hand over what waits, for a few seconds at most: the library's own flush has no limit.

    A collector that was away once is not waited for again: what it would get is not worth a slow stop.
    """
    if not _away.is_set():
        flushing = Thread(target=force, name="flush", daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
        if flushing.is_alive():
            _away.set()


_away = Event()


def _quiet() -> None:
    """The library says of every batch that the collector is away: once is enough, and is said here."""
    for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "opentelemetry.sdk.metrics"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Health:
    """Says once that a collector does not take what it is sent, and once that it does again."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._well = True

    def saw(self, well: bool) -> None:
        if well != self._well:
            self._well = well
            (_away.clear if well else _away.set)()
            log.warning("the collector takes %s again" if well else "the collector takes no %s", self._signal)


class _Told(SpanExporter):
    """An exporter whose failures are told once."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._health = Health("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result: Any = self._inner.export(spans)
        self._health.saw(result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 5000) -> bool:
        return self._inner.force_flush(timeout_millis)
