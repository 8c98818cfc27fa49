"""Vectors of texts over a socket, through the real library: what they cost, and what becomes of failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from services.executor.tests.integration.models.bench import (
    CALLER,
    PRICE,
    Bench,
    NoMoney,
    bench_of,
    catalogue_of,
    provider_at,
    until,
)
from tests.standins import ModelStandIn, refuses
from tests.standins.server import KEY

from orchestra.executor.adapters.models.prices import UnknownPrice
from orchestra.executor.application.models.ports import ModelAway, ModelRefused, NoModel
from orchestra.executor.domain.models.provider import Flavour
from orchestra.executor.domain.models.routing import Model, Tier

EMBEDS = "text-embedding-3-small"
TEXTS = ["The tide is late.", "Wind is in knots."]
TOKENS = 5 + 5


@asynccontextmanager
async def bench(
    flavour: Flavour = "openai", *, priced: bool = True, **patience: Any
) -> AsyncIterator[tuple[ModelStandIn, Bench]]:
    async with ModelStandIn(keys=() if flavour == "ollama" else (KEY,), models=(EMBEDS,)) as provider:
        catalogue = catalogue_of(provider_at(provider.url, flavour, **patience))
        model = Model(f"{flavour}/{EMBEDS}", flavour, EMBEDS, Tier.local, 0)
        prices = {model.name: PRICE} if priced else {}
        made = bench_of(replace(catalogue, prices=prices, embeddings=model))
        try:
            yield provider, made
        finally:
            await made.models.close()


@pytest.mark.parametrize("flavour", ["openai", "ollama"])
async def test_texts_have_a_vector_each_and_are_paid_to_the_micro(flavour: Flavour) -> None:
    async with bench(flavour) as (provider, made):
        first, second = await made.models.embed(CALLER, TEXTS)
        again = await made.models.embed(CALLER, TEXTS[:1])

    assert (len(first), len(second)) == (256, 256)
    assert again == [first] != [second]
    [(request, ceiling), _] = made.meter.begun
    assert [spent.cost_micros for spent in made.meter.ended] == [TOKENS * 3, 5 * 3]
    assert ceiling >= PRICE.ceiling(TOKENS, 0)
    assert (request.caller, request.provider, request.model) == (CALLER, flavour, f"{flavour}/{EMBEDS}")
    assert [each.body["input"] for each in provider.embedded] == [TEXTS, TEXTS[:1]]


async def test_a_busy_provider_is_asked_again_and_an_absent_one_is_away() -> None:
    async with bench() as (provider, made):
        provider.script(refuses(503))
        assert len(await made.models.embed(CALLER, TEXTS)) == 2
        assert [failure.reason for failure in made.meter.free] == ["overloaded"]

        provider.away = True
        with pytest.raises(ModelAway):
            await made.models.embed(CALLER, TEXTS)
    assert made.meter.outcomes == ["answered"]


async def test_a_model_that_is_not_there_is_refused_and_costs_nothing() -> None:
    async with bench() as (provider, made):
        provider.models.clear()
        with pytest.raises(ModelRefused):
            await made.models.embed(CALLER, TEXTS)

    assert [failure.reason for failure in made.meter.free] == ["unknown-model"]
    assert made.meter.ended == []


async def test_without_money_a_price_a_key_or_a_model_nothing_is_sent() -> None:
    async with bench() as (provider, made):
        made.meter.refuse = True
        with pytest.raises(NoMoney):
            await made.models.embed(CALLER, TEXTS)
        made.models.catalogue = replace(made.catalogue, embeddings=None)
        with pytest.raises(NoModel, match="embeddings"):
            await made.models.embed(CALLER, TEXTS)
        made.models.catalogue = made.catalogue
        made.monitor.away = {"openai"}
        with pytest.raises(ModelAway):
            await made.models.embed(CALLER, TEXTS)
    async with bench(priced=False) as (provider, made):
        with pytest.raises(UnknownPrice):
            await made.models.embed(CALLER, TEXTS)
        keyless = bench_of(made.catalogue, {})
        with pytest.raises(NoModel, match="key"):
            await keyless.models.embed(CALLER, TEXTS)
        assert provider.embedded == []


@pytest.mark.parametrize(
    "vectors", [[[1.0]], [[1.0], [0.0]], [[1.0], [1.0, 2.0]], [[1.0], [float("nan")]], [[1.0], ["1.0"]], [[], []]]
)
async def test_what_is_no_vector_for_each_text_is_refused_and_paid(vectors: list[Any]) -> None:
    async with bench() as (provider, made):
        provider.vectors = vectors
        with pytest.raises(ModelRefused, match="no vector"):
            await made.models.embed(CALLER, TEXTS)

    assert made.meter.outcomes == ["answered"]


async def test_a_caller_that_goes_away_leaves_what_was_held_settled() -> None:
    async with bench() as (provider, made):
        provider.silent = True
        asking = asyncio.create_task(made.models.embed(CALLER, TEXTS))
        await until(lambda: provider.embedded)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert made.meter.outcomes == ["unknown"]
