"""The names of OpenTelemetry's conventions for generative AI, in this module alone: they are still in development.

What was asked and answered is in no span unless an operator asks for it, and then without whatever looks like a key.
"""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from orchestra.chassis.telemetry.metrics import LONG, counter, histogram
from orchestra.chassis.telemetry.tracing import span
from orchestra.executor.application.models.ports import Request, Spent
from orchestra.executor.domain.models.failure import Failure
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model

SYSTEMS = {"anthropic": "anthropic", "openai": "openai", "ollama": "ollama"}
"""{flavour: gen_ai.provider.name}"""

LABELS = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
DURATION = histogram("gen_ai.client.operation.duration", "Of a request to a model.", *LABELS, "outcome", bounds=LONG)
MANY = (16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0)
TOKENS = histogram(
    "gen_ai.client.token.usage",
    "Tokens that went into a request, or came out.",
    *LABELS,
    "gen_ai.token.type",
    bounds=MANY,
    unit="{token}",
)
COST = counter("orchestra.model.cost", "{microdollar}", "What requests to models cost, in micro-dollars.", *LABELS)

MOST_TEXT = 4000
"""Characters of a text that a span keeps."""

_SECRET = re.compile(r"(sk|ork|rk|pk|ghp|gho|xox[abp]|AKIA|AIza)[-_A-Za-z0-9]{12,}|(?i:bearer)\s+\S{8,}")


@dataclass
class Told:
    """A request as its span sees it; what is told to it is what the span will say."""

    span: Span
    labels: dict[str, str]
    texts: bool
    """Whether what was asked and answered is kept."""
    secrets: tuple[str, ...] = ()

    has_failed: bool = False

    def asked(self, text: str) -> None:
        if self.texts:
            self.span.set_attribute("gen_ai.input.messages", redact(text, self.secrets))

    def answered(self, text: str, response_id: str | None, model: str | None, reason: str | None) -> None:
        if response_id:
            self.span.set_attribute("gen_ai.response.id", response_id)
        if model:
            self.span.set_attribute("gen_ai.response.model", model)
        if reason:
            self.span.set_attribute("gen_ai.response.finish_reasons", (reason,))
        if self.texts:
            self.span.set_attribute("gen_ai.output.messages", redact(text, self.secrets))

    def spent(self, spent: Spent) -> None:
        self.span.set_attribute("orchestra.cost.micros", spent.cost_micros)
        self.span.set_attribute("orchestra.model.outcome", spent.outcome)
        COST.add(spent.cost_micros, self.labels)
        if (usage := spent.usage) is None:
            return
        self.span.set_attribute("gen_ai.usage.input_tokens", usage.input)
        self.span.set_attribute("gen_ai.usage.output_tokens", usage.output)
        self.span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cache_read)
        self.span.set_attribute("gen_ai.usage.cache_creation.input_tokens", usage.cache_write)
        TOKENS.record(usage.input, {**self.labels, "gen_ai.token.type": "input"})
        TOKENS.record(usage.output, {**self.labels, "gen_ai.token.type": "output"})

    def failed(self, failure: Failure) -> None:
        self.has_failed = True
        self.span.set_attribute("error.type", failure.reason)
        self.span.set_status(Status(StatusCode.ERROR))
        if failure.status is not None:
            self.span.set_attribute("http.response.status_code", failure.status)


@contextmanager
def chat(
    request: Request,
    provider: Provider,
    model: Model,
    max_tokens: int,
    secrets: tuple[str, ...] = (),
    operation: str = "chat",
) -> Generator[Told]:
    """A span around one request to a provider."""
    where = urlsplit(provider.url)
    about = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": SYSTEMS[provider.flavour],
        "gen_ai.request.model": model.id,
    }
    attributes = {
        **about,
        "gen_ai.request.max_tokens": max_tokens,
        "server.address": where.hostname or "",
        "server.port": where.port or (443 if where.scheme == "https" else 80),
        "orchestra.purpose": request.caller.purpose,
        "orchestra.price.version": request.price_version,
        **{f"orchestra.{name}.id": value for name, value in _ids(request).items() if value},
    }
    raised: BaseException | None = None
    with span(f"{operation} {model.id}", kind=SpanKind.CLIENT, attributes=attributes) as made:
        told = Told(made, {"service": "executor", **about}, keeps_texts(), secrets)
        try:
            yield told
        except BaseException as error:  # noqa: BLE001 - raised again below, where the span does not name it by its class
            raised = error
            if not told.has_failed:
                made.set_attribute("error.type", type(error).__name__)
                made.set_status(Status(StatusCode.ERROR))
    if raised is not None:
        raise raised


def keeps_texts() -> bool:
    """The convention's own switch: off unless an operator turns it on."""
    return os.environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").lower() in (
        "1",
        "true",
        "span_only",
    )


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Without the keys that are known, and without what looks like one; not longer than a span may hold."""
    for secret in secrets:
        text = text.replace(secret, "[redacted]")
    return _SECRET.sub("[redacted]", text)[:MOST_TEXT]


def _ids(request: Request) -> dict[str, str | None]:
    caller = request.caller
    return {"run": caller.run_id, "task": caller.task_id, "attempt": caller.attempt_id}
