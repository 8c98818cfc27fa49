"""A collector of the tests' own: takes traces and metrics by OTLP over HTTP, in protobuf, and keeps them."""

import gzip
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass(frozen=True)
class SeenSpan:
    service: str
    resource: Mapping[str, Any]
    name: str
    kind: int
    """Of the protocol: 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    trace: str
    id: str
    parent: str
    """Empty for a root."""
    attributes: Mapping[str, Any]
    links: Sequence[str]
    """Ids of the spans that it is linked to."""
    began: int
    ended: int
    text: str
    """Everything that was sent of it."""


@dataclass
class Collector:
    url: str = ""
    refuse: bool = False
    """Answer 503 to everything."""
    _spans: list[SeenSpan] = field(default_factory=list[SeenSpan])
    _metrics: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _lock: Lock = field(default_factory=Lock)

    def spans(self) -> list[SeenSpan]:
        with self._lock:
            return list(self._spans)

    def trace(self, trace_id: str) -> list[SeenSpan]:
        return [span for span in self.spans() if span.trace == trace_id]

    def metrics(self) -> set[tuple[str, str]]:
        """(service of the resource, name of the metric)"""
        with self._lock:
            return set(self._metrics)

    def take(self, path: str, body: bytes) -> None:
        with self._lock:
            if path == "/v1/traces":
                self._take_spans(ExportTraceServiceRequest.FromString(body))
            elif path == "/v1/metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
            else:
                raise ValueError(path)

    def _take_spans(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            resource = _plain(group.resource.attributes)
            for scope in group.scope_spans:
                self._spans += [
                    SeenSpan(
                        service=resource["service.name"],
                        resource=resource,
                        name=span.name,
                        kind=span.kind,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        attributes=_plain(span.attributes),
                        links=[link.span_id.hex() for link in span.links],
                        began=span.start_time_unix_nano,
                        ended=span.end_time_unix_nano,
                        text=str(span),
                    )
                    for span in scope.spans
                ]

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for group in request.resource_metrics:
            service = _plain(group.resource.attributes)["service.name"]
            for scope in group.scope_metrics:
                self._metrics |= {(service, metric.name): metric.unit for metric in scope.metrics}


def _plain(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> Any:
    found = value.WhichOneof("value")
    return getattr(value, found) if found else None


@contextmanager
def collector() -> Generator[Collector]:
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if not made.refuse:
                made.take(self.path, body)
            self.send_response(503 if made.refuse else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """The test says what it saw."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield made
        finally:
            server.shutdown()
            serving.join()
