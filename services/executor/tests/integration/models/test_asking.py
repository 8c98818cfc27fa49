"""Questions to models over a socket, through the real libraries: what is answered, what it costs, what is recorded."""

import asyncio
import json
from typing import Any

import pytest
from services.executor.tests.integration.models.bench import (
    CALLER,
    FLAVOURS,
    PRICE,
    NoMoney,
    at_standin,
    bench_of,
    call,
    catalogue_of,
    provider_at,
    until,
)
from tests.standins import Tokens, calls_tool, huge, refuses, says, stalls

from orchestra.executor.adapters.models.prices import UnknownPrice
from orchestra.executor.application.models.ports import InvalidAnswer, ModelRefused, NoModel, Said
from orchestra.executor.domain.models.catalogue import Declared
from orchestra.executor.domain.models.provider import Flavour
from orchestra.executor.domain.models.routing import Overrides
from orchestra.executor.domain.models.usage import Usage

SCHEMA = {
    "type": "object",
    "properties": {"depth": {"type": "integer", "minimum": 0}},
    "required": ["depth"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_question_is_answered_and_its_tokens_are_paid_to_the_micro(flavour: Flavour) -> None:
    async with at_standin(flavour) as (provider, bench):
        provider.script(says("ten metres", Tokens(100, 20)))

        answer = await bench.models.ask(call())

    assert (answer.text, answer.requests, answer.usage) == ("ten metres", 1, Usage(100, 20))
    [(request, ceiling)] = bench.meter.begun
    [spent] = bench.meter.ended
    assert (spent.outcome, spent.cost_micros) == ("answered", 100 * 3 + 20 * 15)
    assert ceiling >= PRICE.ceiling(100, 500)
    assert (request.caller, request.provider, request.price_version) == (CALLER, flavour, "test")


async def test_what_caches_gave_and_took_has_its_own_price() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says("ten", Tokens(1000, 1, cache_read=100, cache_write=10)))

        answer = await bench.models.ask(call())

    assert answer.usage == Usage(1110, 1, 100, 10)
    # 1000 x 3 + 100 x 0.3 + 10 x 3.75 + 15, rounded up
    assert bench.meter.ended[0].cost_micros == 3000 + 30 + 38 + 15


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_an_answer_that_breaks_the_schema_is_mended_with_what_is_wrong(flavour: Flavour) -> None:
    async with at_standin(flavour) as (provider, bench):
        provider.script(calls_tool("answer", depth=-3, colour="blue"), calls_tool("answer", depth=10))

        answer = await bench.models.ask(call(schema=SCHEMA))
        second = provider.asked[1].everything

    assert (answer.value, answer.requests) == ({"depth": 10}, 2)
    assert "/depth" in second
    assert "colour" in second
    assert bench.meter.outcomes == ["answered", "answered"]


async def test_after_all_repairs_the_faults_are_told() -> None:
    async with at_standin() as (provider, bench):
        provider.script(*[calls_tool("answer", depth="deep")] * 3)

        with pytest.raises(InvalidAnswer) as invalid:
            await bench.models.ask(call(schema=SCHEMA, repairs=2))

    assert "/depth" in invalid.value.faults[0]
    assert provider.left == 0
    assert len(bench.meter.ended) == 3


async def test_a_conversation_goes_on() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says("yes"))
        said = (Said("user", "first"), Said("assistant", "second"), Said("user", "third"))

        await bench.models.ask(call(messages=said, instructions="be brief"))

        body = provider.asked[0].body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert "be brief" in json.dumps(body["system"])
    assert body["max_tokens"] == 500


async def test_a_recorded_answer_is_never_asked_for_again() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says("once"))
        first = await bench.models.ask(call())
        again = await bench.models.ask(call())

        other = bench_of(bench.catalogue)
        other.models.recorder = bench.recorder
        after_a_restart = await other.models.ask(call())

    assert first.text == again.text == after_a_restart.text == "once"
    assert (len(provider.asked), len(bench.meter.begun), len(other.meter.begun)) == (1, 1, 0)


async def test_another_question_is_another_request() -> None:
    async with at_standin() as (provider, bench):
        provider.otherwise = says("yes")
        await bench.models.ask(call("a"))
        await bench.models.ask(call("b"))
        await bench.models.ask(call("b", max_tokens=7))
        await bench.models.ask(call("b", instructions="briefly"))

    assert len(provider.asked) == 4


async def test_without_money_nothing_is_sent() -> None:
    async with at_standin() as (provider, bench):
        bench.meter.refuse = True

        with pytest.raises(NoMoney):
            await bench.models.ask(call())

    assert provider.received == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_what_is_refused_is_not_asked_again(status: int) -> None:
    async with at_standin() as (provider, bench):
        provider.script(refuses(status), says("never"))

        with pytest.raises(ModelRefused):
            await bench.models.ask(call())

    assert provider.left == 1
    assert (len(bench.meter.free), bench.meter.ended) == (1, [])


async def test_an_answer_over_the_limit_is_refused_and_paid_as_unknown() -> None:
    async with at_standin() as (provider, bench):
        provider.script(huge(10_000_000), says("never"))

        with pytest.raises(ModelRefused) as refused:
            await bench.models.ask(call())

    assert refused.value.failure.reason == "too-large"
    [(_, ceiling)] = bench.meter.begun
    assert [(s.outcome, s.cost_micros) for s in bench.meter.ended] == [("unknown", ceiling)]
    assert provider.left == 1


async def test_a_provider_that_tells_no_tokens_costs_what_was_held() -> None:
    async with at_standin("openai") as (provider, bench):
        provider.script(says("ten", Tokens(0, 0)))

        await bench.models.ask(call())

    [(_, ceiling)] = bench.meter.begun
    assert [(s.outcome, s.cost_micros, s.usage) for s in bench.meter.ended] == [("answered", ceiling, None)]


async def test_a_declared_ceiling_is_what_a_request_without_a_price_costs() -> None:
    async with at_standin("openai") as (provider, bench):
        bench.models.catalogue = catalogue_of(*bench.catalogue.providers.values(), price=Declared(50_000))
        provider.script(says("ten", Tokens(1, 1)))

        await bench.models.ask(call())

    assert bench.meter.begun[0][1] == bench.meter.ended[0].cost_micros == 50_000


async def test_an_unknown_price_is_refused_before_anything_is_sent() -> None:
    async with at_standin("openai") as (provider, bench):
        bench.models.catalogue = catalogue_of(*bench.catalogue.providers.values(), price=None)

        with pytest.raises(UnknownPrice, match="gpt-5"):
            await bench.models.ask(call())

    assert provider.received == []


async def test_who_is_cancelled_in_mid_request_has_paid_what_was_held() -> None:
    async with at_standin(silence_s=60) as (provider, bench):
        provider.script(stalls())
        asking = asyncio.create_task(bench.models.ask(call()))
        await provider.has_asked(1)

        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    [(_, ceiling)] = bench.meter.begun
    assert [(s.outcome, s.cost_micros) for s in bench.meter.ended] == [("unknown", ceiling)]


async def test_without_a_key_nothing_is_asked() -> None:
    async with at_standin() as (provider, bench):
        keyless = bench_of(bench.catalogue, environment={})

        with pytest.raises(NoModel, match="no key"):
            await keyless.models.ask(call())

    assert provider.received == []


async def test_a_process_that_must_not_spend_asks_no_other_machine() -> None:
    bench = bench_of(catalogue_of(provider_at("https://api.anthropic.com")))

    with pytest.raises(ModelRefused, match="loopback"):
        await bench.models.ask(call())

    assert len(bench.meter.free) == 1


async def test_a_model_made_past_our_own_way_asks_nobody() -> None:
    import pydantic_ai.models
    from anthropic import AsyncAnthropic
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    async with at_standin() as (provider, bench):
        provider.script(says("ten"))
        await bench.models.ask(call())
        client: Any = AsyncAnthropic(api_key="x", base_url=provider.url)
        stray = AnthropicModel("claude-sonnet-5", provider=AnthropicProvider(anthropic_client=client))
        assert pydantic_ai.models.ALLOW_MODEL_REQUESTS is False
        with pytest.raises(RuntimeError, match="not allowed"):
            await Agent(stray).run("hello")

    assert len(provider.asked) == 1


async def test_a_task_says_which_model_it_wants() -> None:
    async with at_standin() as (provider, bench):
        provider.script(says("yes"))

        answer = await bench.models.ask(call(overrides=Overrides(task="anthropic")))

    assert answer.model == "claude-sonnet-5"


async def test_requests_leave_only_with_their_ticket() -> None:
    async with at_standin() as (provider, bench):
        provider.script(stalls())
        asking = asyncio.create_task(bench.models.ask(call()))
        await provider.has_asked(1)
        assert len(bench.meter.begun) == 1
        asking.cancel()
        await asyncio.wait([asking])
        await until(lambda: not provider.stalled)
