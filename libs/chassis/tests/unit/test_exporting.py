"""Nothing leaves the process unless the standard variables ask for it; a collector that is away is told of once."""

import logging
import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from orchestra.chassis.telemetry import exporting
from orchestra.chassis.telemetry.exporting import UnsupportedExporter, flush, resource_of, wanted

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_TRACES_EXPORTER", ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    exporting._away.clear()


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, False),
        ({ENDPOINT: "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318/v1/metrics"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", ENDPOINT: "http://collector:4318"}, False),
    ],
)
def test_the_standard_variables_decide(given: dict[str, str], answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert wanted("traces") is answer


@pytest.mark.parametrize(
    "given",
    [{"OTEL_TRACES_EXPORTER": "zipkin"}, {ENDPOINT: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_an_exporter_that_is_not_here_is_refused(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(UnsupportedExporter, match="only"):
        wanted("traces")


def test_the_exporter_is_not_even_imported_where_nobody_asks_for_it() -> None:
    code = (
        "import sys; from orchestra.chassis.telemetry.tracing import start_tracing; start_tracing('x');"
        "assert not [m for m in sys.modules if 'otlp' in m or m == 'requests']"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_resource_says_which_service_of_which_version_in_which_process() -> None:
    told = resource_of("planner").attributes

    assert (told["service.namespace"], told["service.name"]) == ("orchestra", "planner")
    assert told["service.version"]
    assert told["service.instance.id"] == resource_of("scheduler").attributes["service.instance.id"]


class Wavering(SpanExporter):
    well = False

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self.well else SpanExportResult.FAILURE


def test_a_collector_that_is_away_is_told_of_once_and_once_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    inner = Wavering()
    told = exporting._Told(inner)
    with caplog.at_level(logging.WARNING):
        for well in (False, False, False, True, True):
            inner.well = well
            told.export([])

    assert [record.getMessage() for record in caplog.records] == [
        "the collector takes no traces",
        "the collector takes traces again",
    ]


def test_a_flush_that_hangs_is_left_behind_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "FLUSH_S", 0.05)
    release, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        release.wait(30)

    flush(hang)
    flush(hang)
    release.set()

    assert calls == [1]
