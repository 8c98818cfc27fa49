"""Streams are metered as they go."""

from typing import Any

import pytest
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from services.executor.tests.integration.models.bench import FLAVOURS, at_standin
from tests.standins import Tokens, Turn, cuts, overloaded, says, stalls

from orchestra.executor.application.models.ports import LimitMet
from orchestra.executor.domain.models.failure import Failed
from orchestra.executor.domain.models.provider import Flavour
from orchestra.executor.domain.models.usage import Usage

ASKED = [ModelRequest(parts=[UserPromptPart("tell a long story")])]
STORY = "once upon a time there was a well that nobody had measured, " * 20


async def read(bench: Any, name: str, most: int = 10_000) -> str:
    model = await bench.metered(name)
    async with model.request_stream(ASKED, {"max_tokens": 400}, ModelRequestParameters()) as stream:
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == most:
                break
        return stream.get().text or ""


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_stream_is_paid_by_the_tokens_that_it_told(flavour: Flavour) -> None:
    async with at_standin(flavour) as (provider, bench):
        provider.script(says(STORY, Tokens(50, 300)))

        text = await read(bench, flavour)

    assert text == STORY
    assert [(s.outcome, s.usage) for s in bench.meter.ended] == [("answered", Usage(50, 300))]
    assert bench.meter.ended[0].cost_micros == 50 * 3 + 300 * 15


async def test_a_recorded_stream_is_read_again_without_a_request() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says(STORY, Tokens(50, 300)))

        first, again = await read(bench, "anthropic"), await read(bench, "anthropic")

    assert first == again == STORY
    assert len(provider.asked) == 1


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_stream_stops_before_it_costs_more_than_was_held(flavour: Flavour) -> None:
    async with at_standin(flavour) as (provider, bench):
        bench.meter.limit = 2_000
        provider.script(says(STORY, Tokens(50, 300)))

        with pytest.raises(LimitMet) as met:
            await read(bench, flavour)

    assert STORY.startswith(met.value.text)
    assert 0 < len(met.value.text) < len(STORY)
    assert [(s.outcome, s.cost_micros) for s in bench.meter.ended] == [("stopped", 2_000)]


async def test_a_stream_that_does_not_begin_is_tried_again() -> None:
    async with at_standin() as (provider, bench):
        provider.script(overloaded(), says(STORY, Tokens(50, 300)))

        assert await read(bench, "anthropic") == STORY

    assert (len(bench.meter.free), bench.meter.outcomes) == (1, ["answered"])


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("turn", [cuts(STORY, after=9), stalls(STORY, after=9)])
async def test_a_stream_that_breaks_off_is_paid_as_unknown(flavour: Flavour, turn: Turn) -> None:
    async with at_standin(flavour, silence_s=0.3) as (provider, bench):
        provider.script(turn)

        with pytest.raises(Failed) as failed:
            await read(bench, flavour)

    assert failed.value.failure.reason in ("cut", "stalled")
    [(_, ceiling)] = bench.meter.begun
    assert [(s.outcome, s.cost_micros) for s in bench.meter.ended] == [("unknown", ceiling)]


async def test_a_stream_that_nobody_reads_to_its_end_is_paid_as_unknown() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says(STORY, Tokens(50, 300)))

        await read(bench, "anthropic", most=3)

    assert bench.meter.outcomes == ["unknown"]
    assert bench.recorder.kept == {}


async def test_a_long_stream_is_refused_over_the_limit_of_bytes() -> None:
    async with at_standin(answer_bytes=5_000) as (provider, bench):
        provider.script(says(STORY * 10, Tokens(50, 300)))

        with pytest.raises(Failed) as failed:
            await read(bench, "anthropic")

    assert failed.value.failure.reason == "too-large"
    assert bench.meter.outcomes == ["unknown"]
