"""The names that a request to a model is told by, and what is in none of them."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from services.executor.tests.integration.models.bench import at_standin, call
from tests.standins import Tokens, refuses, says
from tests.standins.server import KEY

from orchestra.chassis.telemetry import tracing
from orchestra.executor.adapters.models.gen_ai import redact
from orchestra.executor.application.models.ports import Caller, ModelRefused

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CALLER = Caller("wsp_1", "attempt", "prj_1", "run_1", "tsk_1", "att_1")
GOLDEN = {
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.max_tokens",
    "gen_ai.request.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.id",
    "gen_ai.response.model",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "orchestra.attempt.id",
    "orchestra.cost.micros",
    "orchestra.model.outcome",
    "orchestra.price.version",
    "orchestra.purpose",
    "orchestra.run.id",
    "orchestra.task.id",
    "server.address",
    "server.port",
}


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """The spans of this process, kept."""
    kept, provider = Kept(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(kept)
    monkeypatch.setitem(tracing._tracers, "", provider.get_tracer("test"))
    monkeypatch.delenv(CAPTURE, raising=False)
    return kept


async def test_a_request_is_told_by_the_conventions_names(kept: Kept) -> None:
    async with at_standin() as (provider, bench):
        provider.script(says("a canary answer", Tokens(100, 20)))
        await bench.models.ask(call("a canary question", caller=CALLER))

    [span] = [span for span in kept.spans if span.name.startswith("chat")]
    attributes = dict(span.attributes or {})
    assert span.name == "chat claude-sonnet-5"
    assert set(attributes) == GOLDEN
    assert attributes["gen_ai.usage.input_tokens"] == 100
    assert attributes["gen_ai.provider.name"] == "anthropic"
    assert attributes["orchestra.cost.micros"] == 600
    assert "canary" not in str(attributes)


async def test_a_failure_is_told_by_its_kind(kept: Kept) -> None:
    async with at_standin() as (provider, bench):
        provider.script(refuses(400))
        with pytest.raises(ModelRefused):
            await bench.models.ask(call(caller=CALLER))

    [span] = [span for span in kept.spans if span.name.startswith("chat")]
    attributes = dict(span.attributes or {})
    assert (attributes["error.type"], attributes["http.response.status_code"]) == ("rejected", 400)


async def test_texts_are_kept_where_somebody_asks_for_them_and_never_a_key(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CAPTURE, "true")
    async with at_standin() as (provider, bench):
        provider.script(says(f"it is {KEY}"))
        await bench.models.ask(call(f"is {KEY} yours, or sk-other-abcdefghijklmnop?"))

    [span] = [span for span in kept.spans if span.name.startswith("chat")]
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.input.messages"] == "is [redacted] yours, or [redacted]?"
    assert attributes["gen_ai.output.messages"] == "it is [redacted]"


def test_a_text_is_not_longer_than_a_span_may_hold() -> None:
    assert len(redact("x" * 100_000)) == 4000
