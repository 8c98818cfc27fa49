"""Further tries, rests and rates: over a socket, through the real libraries."""

import asyncio
import time
from typing import Any

import pytest
from services.executor.tests.integration.models.bench import (
    FLAVOURS,
    at_standin,
    bench_of,
    call,
    catalogue_of,
    provider_at,
)
from tests.private_servers import free_port
from tests.standins import ModelStandIn, Tokens, Turn, cuts, overloaded, refuses, says, stalls
from tests.standins.server import KEY

from orchestra.executor.application.models.ports import ModelAway, ModelRefused
from orchestra.executor.domain.models.provider import Flavour, Provider

TEXT = "a text of some length that is never said whole"


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_what_may_go_better_is_tried_again_and_costs_nothing(flavour: Flavour, status: int) -> None:
    async with at_standin(flavour) as (provider, bench):
        provider.script(refuses(status), refuses(status), says("at last", Tokens(10, 2)))

        answer = await bench.models.ask(call())

    assert answer.text == "at last"
    assert (len(bench.meter.begun), len(bench.meter.free), bench.meter.outcomes) == (3, 2, ["answered"])


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("turn", [cuts(TEXT, after=20), stalls(TEXT, after=20), stalls(TEXT)])
async def test_what_was_cut_or_fell_silent_is_paid_as_unknown_and_tried_again(flavour: Flavour, turn: Turn) -> None:
    async with at_standin(flavour, silence_s=0.3) as (provider, bench):
        provider.script(turn, says("at last", Tokens(10, 2)))

        answer = await bench.models.ask(call())

    assert answer.text == "at last"
    [(_, first), _] = bench.meter.begun
    assert [(s.outcome, s.cost_micros) for s in bench.meter.ended] == [("unknown", first), ("answered", 60)]


async def test_tries_end() -> None:
    async with at_standin(tries=3) as (provider, bench):
        provider.script(*[overloaded()] * 4)

        with pytest.raises(ModelAway) as away:
            await bench.models.ask(call())

    assert (provider.left, away.value.failures["anthropic"].status) == (1, 529)


async def test_what_the_provider_asks_for_is_waited_for() -> None:
    async with at_standin() as (provider, bench):
        provider.script(refuses(429, retry_after=1), says("at last"))
        began = time.monotonic()

        await bench.models.ask(call())

    assert time.monotonic() - began >= 1


async def test_others_wait_too_for_what_the_provider_asked() -> None:
    async with at_standin() as (provider, bench):
        provider.script(refuses(429, retry_after=1))
        provider.otherwise = says("at last")
        began = time.monotonic()
        first = asyncio.create_task(bench.models.ask(call("a")))
        await provider.has_asked(1)
        while not bench.meter.free:
            await asyncio.sleep(0.005)

        await bench.models.ask(call("b"))
        assert time.monotonic() - began >= 1
        await first


async def test_what_asks_for_too_long_a_wait_is_told_at_once() -> None:
    async with at_standin() as (provider, bench):
        provider.script(refuses(429, retry_after=3600), says("never"))

        with pytest.raises(ModelAway) as away:
            await bench.models.ask(call())
        with pytest.raises(ModelAway) as still:
            await bench.models.ask(call("another"))

    assert away.value.retry_after == 3600
    assert 3500 < (still.value.retry_after or 0) <= 3600
    assert provider.left == 1


async def test_who_fails_too_often_is_left_alone_and_then_asked_again() -> None:
    async with at_standin(tries=1, failures=3, rest_s=0.5) as (provider, bench):
        provider.script(*[refuses(500)] * 3)
        for _ in range(3):
            with pytest.raises(ModelAway):
                await bench.models.ask(call())
        with pytest.raises(ModelAway, match="left alone"):
            await bench.models.ask(call())
        assert len(provider.asked) == 3

        provider.script(says("well again"))
        async with asyncio.timeout(10):
            while True:
                try:
                    answer = await bench.models.ask(call())
                    break
                except ModelAway:
                    await asyncio.sleep(0.05)

    assert answer.text == "well again"


async def test_a_refused_request_says_nothing_about_the_provider() -> None:
    async with at_standin(tries=1, failures=2, rest_s=60) as (provider, bench):
        provider.script(*[refuses(400)] * 5, says("well"))
        for _ in range(5):
            with pytest.raises(ModelRefused):
                await bench.models.ask(call())

        assert (await bench.models.ask(call())).text == "well"


async def test_no_more_is_asked_than_the_rate_allows() -> None:
    async with ModelStandIn() as provider:
        provider.otherwise = says("yes")
        limited = provider_at(provider.url, longest_pause_s=5)
        limited = Provider(limited.name, limited.flavour, limited.url, limited.key_from, "2/second", limited.patience)
        bench = bench_of(catalogue_of(limited))
        began = time.monotonic()

        await asyncio.gather(*(bench.models.ask(call(str(n))) for n in range(5)))
        await bench.models.clients.close()

    assert time.monotonic() - began >= 1


async def test_another_model_stands_in_for_one_that_is_away() -> None:
    async with ModelStandIn() as well, ModelStandIn() as ill:
        ill.otherwise = overloaded()
        well.script(says("instead"))
        catalogue = catalogue_of(provider_at(ill.url, name="first", tries=1), provider_at(well.url, "openai", "second"))
        bench = bench_of(catalogue)

        answer = await bench.models.ask(call(difficulty="simple"))
        await bench.models.clients.close()

    assert (answer.text, answer.model) == ("instead", "gpt-5")
    assert [request.provider for request, _ in bench.meter.begun] == ["first", "second"]


async def test_one_that_the_monitor_knows_to_be_away_is_not_asked() -> None:
    async with ModelStandIn() as well:
        well.script(says("instead"))
        nobody = provider_at(f"http://127.0.0.1:{free_port()}", name="first")
        bench = bench_of(catalogue_of(nobody, provider_at(well.url, "openai", "second")))
        bench.monitor.away = {"first"}

        answer = await bench.models.ask(call(difficulty="simple"))
        await bench.models.clients.close()

    assert answer.text == "instead"
    assert len(bench.meter.begun) == 1


async def test_when_all_are_away_each_says_why() -> None:
    nobody = [provider_at(f"http://127.0.0.1:{free_port()}", name=name, tries=1) for name in ("first", "second")]
    bench = bench_of(catalogue_of(*nobody))

    with pytest.raises(ModelAway) as away:
        await bench.models.ask(call(difficulty="simple"))

    assert {name: failure.reason for name, failure in away.value.failures.items()} == {
        "first": "unreachable",
        "second": "unreachable",
    }
    assert bench.meter.ended == []
    await bench.models.clients.close()


async def test_a_refused_request_is_not_sent_to_another() -> None:
    async with ModelStandIn() as first, ModelStandIn() as second:
        first.script(refuses(400))
        bench = bench_of(catalogue_of(provider_at(first.url, name="first"), provider_at(second.url, name="second")))

        with pytest.raises(ModelRefused):
            await bench.models.ask(call(difficulty="simple"))
        await bench.models.clients.close()

    assert second.received == []


async def test_no_failure_repeats_what_was_asked_or_the_key() -> None:
    async with at_standin(tries=1) as (provider, bench):
        provider.script(refuses(400))
        with pytest.raises(ModelRefused) as refused:
            await bench.models.ask(call("the canary sings"))

    error: Any = refused.value
    told = f"{error} {error!r} {error.failure!r} {error.__cause__!r}"
    assert "canary" not in told
    assert KEY not in told
