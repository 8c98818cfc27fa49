"""Measures: declared once, recorded where things happen, read by Prometheus at /metrics, sent by OTLP where asked for.

Counters and histograms are recorded as things happen. Gauges are what stands in a database, a pool or on a disk at this
moment: a service reads them when it is asked (readings.py), so that they are never counted up and down and never drift.
Labels are few and their values bounded: no id is ever one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestra.chassis.telemetry.exporting import metric_exports, resource_of, wanted

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import CollectorRegistry

Labels = Mapping[str, str]

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: bounds for what somebody waits for."""

LONG = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds: bounds for work."""


@dataclass
class Measure:
    """`name` and `labels` are OpenTelemetry's; Prometheus sees them with underscores and the unit as a suffix."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    about: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()
    zeros: tuple[Labels, ...] = ()
    """Series of a counter that are there before anything was counted, so that the first one is seen to come."""
    instrument: Any = None
    """None until somebody wants measures of this process: nothing is recorded before."""

    def add(self, count: int, labels: Labels) -> None:
        if self.instrument is not None and count:
            self.instrument.add(count, labels)

    def record(self, value: float, labels: Labels) -> None:
        if self.instrument is not None:
            self.instrument.record(value, labels)


@dataclass(frozen=True)
class Reading:
    """What a gauge shows."""

    gauge: Measure
    value: float
    labels: Labels


MEASURES: dict[str, Measure] = {}
SOURCES: list[Callable[[], Iterable[Reading]]] = []
"""The newest readings of each service that runs in this process."""

_provider: "MeterProvider | None" = None
_registry: "CollectorRegistry | None" = None


def counter(name: str, unit: str, about: str, *labels: str, zeros: tuple[Labels, ...] = ()) -> Measure:
    return _declare(Measure(name, "counter", unit, about, ("service", *labels), zeros=zeros))


def histogram(name: str, about: str, *labels: str, bounds: tuple[float, ...] = QUICK, unit: str = "s") -> Measure:
    """Of durations in seconds, unless another unit is named."""
    return _declare(Measure(name, "histogram", unit, about, ("service", *labels), bounds))


def gauge(name: str, unit: str, about: str, *labels: str) -> Measure:
    return _declare(Measure(name, "gauge", unit, about, ("service", *labels)))


def _declare(measure: Measure) -> Measure:
    if measure.name in MEASURES:
        raise ValueError(f"{measure.name} is declared twice")
    MEASURES[measure.name] = measure
    if _provider is not None:
        _make(measure)
    return measure


def start_metrics(process: str) -> None:
    """Begin to measure in this process; a second call changes nothing. `process` names it to an OTLP collector."""
    global _provider, _registry
    if _provider is not None:
        return
    # Late, and only in processes that somebody can ask: the libraries take memory and a moment to load.
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import CollectorRegistry, ProcessCollector

    _registry = CollectorRegistry()
    ProcessCollector(registry=_registry)
    readers: list[Any] = [PrometheusMetricReader(registry=_registry, scope_info_enabled=False)]
    if (exports := metric_exports()) is not None:
        readers.append(exports)
    _provider = MeterProvider(readers, resource=resource_of(process), shutdown_on_exit=False)
    for measure in MEASURES.values():
        _make(measure)


def _make(measure: Measure) -> None:
    assert _provider is not None
    meter = _provider.get_meter("orchestra")
    if measure.kind == "counter":
        measure.instrument = meter.create_counter(measure.name, measure.unit, measure.about)
        for labels in measure.zeros:
            measure.instrument.add(0, labels)
    elif measure.kind == "histogram":
        measure.instrument = meter.create_histogram(
            measure.name, measure.unit, measure.about, explicit_bucket_boundaries_advisory=measure.bounds
        )
    else:
        measure.instrument = meter.create_observable_gauge(
            measure.name, [_observed(measure)], measure.unit, measure.about
        )


def _observed(measure: Measure) -> Callable[[Any], Iterable[Any]]:
    from opentelemetry.metrics import Observation

    def observe(_options: Any) -> Iterable[Observation]:
        for source in tuple(SOURCES):
            for reading in source():
                if reading.gauge is measure:
                    yield Observation(float(reading.value), reading.labels)

    return observe


def exposed() -> bytes:
    """All measures in Prometheus' text format. A process that was not measured so far is from the first time on."""
    start_metrics("orchestra")
    assert _registry is not None
    from prometheus_client import generate_latest

    return generate_latest(_registry)


def sent() -> bool:
    """Whether measures go to a collector, which asks nobody: gauges must be read without being asked."""
    return _provider is not None and wanted("metrics")


def stop_metrics() -> None:
    """Hand over the last values."""
    from orchestra.chassis.telemetry.exporting import flush

    if _provider is not None and sent():
        flush(_provider.force_flush)
