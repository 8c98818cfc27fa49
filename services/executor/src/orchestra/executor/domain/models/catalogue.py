"""All that is configured: providers, models, prices, routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model, Routes
from orchestra.executor.domain.models.usage import Price, Usage


@dataclass(frozen=True)
class Declared:
    """In place of a price that nobody knows: each request is held and settled at what its owner declares."""

    micros: int
    version: str = "declared"

    def cost(self, usage: Usage) -> int:
        del usage  # it says nothing where no rate is known
        return self.micros

    def ceiling(self, most_input: int, most_output: int) -> int:
        del most_input, most_output
        return self.micros


Pricing = Price | Declared


@dataclass(frozen=True)
class Catalogue:
    providers: Mapping[str, Provider] = field(default_factory=dict[str, Provider])
    routes: Routes = field(default_factory=Routes)
    prices: Mapping[str, Pricing] = field(default_factory=dict[str, Pricing])
    """By the model's name; what is not in it is looked up in the library's table."""
    embeddings: Model | None = None
    """What makes vectors of texts; it answers no questions."""
