"""What tokens cost: whole micro-dollars, rounded up, never more than the ceiling."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.executor.adapters.models.prices import FREE, UnknownPrice, price_of
from orchestra.executor.domain.models.catalogue import Catalogue
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model, Routes, Tier
from orchestra.executor.domain.models.usage import MICROS, Price, Rates, UnusablePrice, UnusableUsage, Usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MOST = 10_000_000
rate = st.integers(0, 1_000 * MICROS)
rates = st.builds(Rates, rate, rate, st.none() | rate, st.none() | rate)


@st.composite
def prices(draw: Any) -> Price:
    starts = sorted(draw(st.sets(st.integers(1, MOST), max_size=3)))
    return Price(draw(rates), "drawn", tuple((start, draw(rates)) for start in starts))


@st.composite
def usages(draw: Any) -> Usage:
    asked = draw(st.integers(0, MOST))
    read = draw(st.integers(0, asked))
    return Usage(asked, draw(st.integers(0, MOST)), read, draw(st.integers(0, asked - read)))


@given(prices(), usages(), st.integers(0, MOST), st.integers(0, MOST))
def test_no_request_costs_more_than_its_ceiling(price: Price, usage: Usage, more: int, longer: int) -> None:
    assert price.cost(usage) <= price.ceiling(usage.input + more, usage.output + longer)


@given(rates, usages())
def test_a_cost_is_rounded_up_and_never_down(found: Rates, usage: Usage) -> None:
    plain = usage.input - usage.cache_read - usage.cache_write
    read = found.input if found.cache_read is None else found.cache_read
    write = found.input if found.cache_write is None else found.cache_write
    exact = plain * found.input + usage.cache_read * read + usage.cache_write * write + usage.output * found.output

    assert exact <= found.cost(usage) * MICROS < exact + MICROS


def test_one_token_is_never_free_where_tokens_have_a_price() -> None:
    assert Rates(1, 1).cost(Usage(1, 0)) == 1


def test_above_its_start_a_tier_holds_for_all_tokens() -> None:
    price = Price(Rates(MICROS, MICROS), "x", ((200_000, Rates(2 * MICROS, 3 * MICROS)),))

    assert price.cost(Usage(200_000, 10)) == 200_010
    assert price.cost(Usage(200_001, 10)) == 400_032


@pytest.mark.parametrize("wrong", [-1, 1.5, float("nan"), float("inf"), 10**20])
def test_what_is_no_rate_is_refused(wrong: Any) -> None:
    with pytest.raises(UnusablePrice):
        Rates(wrong, 1)
    with pytest.raises(UnusablePrice):
        Rates(1, 1, cache_read=wrong)


@pytest.mark.parametrize("wrong", [-1, 1.5, float("nan"), 10**20])
def test_what_is_no_count_of_tokens_is_refused(wrong: Any) -> None:
    with pytest.raises(UnusableUsage):
        Usage(1, wrong)


def test_caches_cannot_give_more_than_went_in() -> None:
    with pytest.raises(UnusableUsage):
        Usage(10, 1, cache_read=6, cache_write=5)


def _price(id_: str, flavour: Any = "anthropic", url: str = "https://api.openai.com") -> Any:
    provider = Provider("p", flavour, url)
    model = Model("m", "p", id_, Tier.small)
    return price_of(Catalogue({"p": provider}, Routes((model,))), model, NOW)


def test_the_librarys_table_is_read_with_its_version() -> None:
    price = _price("claude-sonnet-5")

    assert price.rates == Rates(2 * MICROS, 10 * MICROS, 200_000, 2_500_000)
    assert price.version.startswith("genai-prices 0.")


def test_long_contexts_have_their_tiers() -> None:
    price = _price("claude-sonnet-4-5")

    assert price.rates.input == 3 * MICROS
    assert [(start, found.input) for start, found in price.tiers] == [(200_000, 6 * MICROS)]


@pytest.mark.parametrize(
    ("id_", "flavour", "url"),
    [
        ("nobody-knows-this", "anthropic", ""),
        ("nobody-knows-this", "openai", "https://api.openai.com"),
        ("gpt-5", "openai", "https://models.example.org"),
        ("gpt-oss:120b-cloud", "ollama", "http://127.0.0.1:11434"),
    ],
)
def test_what_nobody_knows_is_refused_and_never_free(id_: str, flavour: str, url: str) -> None:
    with pytest.raises(UnknownPrice, match="price or a ceiling"):
        _price(id_, flavour, url)


def test_a_model_on_a_machine_of_ones_own_is_free() -> None:
    assert _price("llama3.2", "ollama") == FREE


def test_embeddings_cost_what_goes_in_alone() -> None:
    official = Provider("p", "openai", "https://api.openai.com")
    model = Model("p/text-embedding-3-small", "p", "text-embedding-3-small", Tier.local, 0)

    assert price_of(Catalogue({"p": official}, embeddings=model), model, NOW).cost(Usage(MICROS, 0)) == 20_000
    assert price_of(Catalogue({"p": Provider("p", "ollama", "")}, embeddings=model), model, NOW) == FREE
    with pytest.raises(UnknownPrice, match="embeddings_price"):
        price_of(Catalogue({"p": Provider("p", "openai", "http://elsewhere")}, embeddings=model), model, NOW)
