"""Prices from the library's table, with its version; the file's own come first. What nobody knows is refused."""

from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from importlib.metadata import version
from typing import Any

from orchestra.executor.application.models.ports import NoModel
from orchestra.executor.domain.models.catalogue import Catalogue, Pricing
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model
from orchestra.executor.domain.models.usage import MICROS, Price, Rates, UnusablePrice

FREE = Price(Rates(0, 0), "local")
"""A model on a machine of one's own. Ollama hands those called `…-cloud` on to somebody who asks for money."""

OFFICIAL = "https://api.openai.com"
"""Who serves the same API elsewhere asks for what he likes."""

_PARTS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}


class UnknownPrice(NoModel):
    """Nobody knows what the model costs: give it a price or a ceiling in the models file."""


def price_of(catalogue: Catalogue, model: Model, at: datetime) -> Pricing:
    """Raises UnknownPrice."""
    if (given := catalogue.prices.get(model.name)) is not None:
        return given
    provider = catalogue.providers[model.provider]
    if provider.flavour == "ollama" and not model.id.endswith("-cloud"):
        return FREE
    return _from_table(provider, model, at, answers=model != catalogue.embeddings)


def _from_table(provider: Provider, model: Model, at: datetime, *, answers: bool) -> Price:
    from genai_prices.data_snapshot import get_snapshot  # large, and only needed where something is for sale

    try:
        if provider.flavour != "anthropic" and provider.url != OFFICIAL:
            raise LookupError(provider.url)
        _, found = get_snapshot().find_provider_model(model.id, None, provider.flavour, None)
        prices = found.get_prices(at)
        return _price(prices, f"genai-prices {version('genai-prices')}", answers=answers)
    except (LookupError, ValueError) as error:
        what = f"{model.name}: nobody knows what {model.id} costs"
        missing = "it a price or a ceiling" if answers else "an `embeddings_price`"
        raise UnknownPrice(f"{what}; give {missing} in the models file") from error


def _price(prices: Any, named: str, *, answers: bool) -> Price:
    values = {part: getattr(prices, field, None) for part, field in _PARTS.items()}
    if not answers:  # what comes out of it are no tokens
        values["output"] = 0
    if values["input"] is None or values["output"] is None:
        raise UnusablePrice("input and output have no price")
    starts = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    return Price(_rates(values, 0), named, tuple((start, _rates(values, start)) for start in starts))


def _rates(values: dict[str, Any], start: int) -> Rates:
    return Rates(**{part: _micros(_at(value, start)) for part, value in values.items() if value is not None})


def _at(value: Any, start: int) -> Decimal:
    """The price in force above so many tokens."""
    if not hasattr(value, "tiers"):
        return Decimal(value)
    return Decimal(next((tier.price for tier in reversed(value.tiers) if tier.start <= start), value.base))


def _micros(amount: Decimal) -> int:
    if not amount.is_finite():
        raise UnusablePrice(f"{amount} is no price")
    return int((amount * MICROS).to_integral_value(ROUND_CEILING))
