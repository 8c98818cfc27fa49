"""Tokens of a call, and what they cost: whole micro-dollars, rounded up."""

from dataclasses import dataclass, field

MICROS = 1_000_000
"""Micro-dollars of a dollar, and tokens of the unit that prices are given for: so a rate reads the same in both."""

MOST_TOKENS = 10_000_000_000
MOST_RATE = 100_000 * MICROS
"""Micro-dollars a million tokens: a hundred thousand dollars."""


class UnusableUsage(ValueError):
    """The provider's count of tokens cannot be right."""


class UnusablePrice(ValueError):
    """This is no price."""


def _is_whole(value: object, most: int) -> bool:
    """What comes from a provider or a file is a number only once it was looked at."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


@dataclass(frozen=True)
class Usage:
    """Tokens of one request. `input` counts all that went in, what caches gave or took among it."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0

    def __post_init__(self) -> None:
        parts = (self.input, self.output, self.cache_read, self.cache_write)
        if not all(_is_whole(part, MOST_TOKENS) for part in parts):
            raise UnusableUsage(f"{parts} are no counts of tokens")
        if self.cache_read + self.cache_write > self.input:
            raise UnusableUsage("caches gave and took more tokens than went in")

    def plus(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )


@dataclass(frozen=True)
class Rates:
    """Micro-dollars a million tokens."""

    input: int
    output: int
    cache_read: int | None = None
    """None: as any input."""
    cache_write: int | None = None

    def __post_init__(self) -> None:
        for rate in (self.input, self.output, self.cache_read, self.cache_write):
            if rate is not None and not _is_whole(rate, MOST_RATE):
                raise UnusablePrice(f"{rate} micro-dollars a million tokens is no price")

    def cost(self, usage: Usage) -> int:
        plain = usage.input - usage.cache_read - usage.cache_write
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        units = plain * self.input + usage.cache_read * read + usage.cache_write * write + usage.output * self.output
        return -(-units // MICROS)

    @property
    def dearest_input(self) -> int:
        return max(self.input, self.cache_read or 0, self.cache_write or 0)


@dataclass(frozen=True)
class Price:
    """What a model costs. Above a number of input tokens the rates of that tier hold for all tokens of the request."""

    rates: Rates
    version: str
    """Where it comes from, as it stands in the ledger."""
    tiers: tuple[tuple[int, Rates], ...] = field(default=())
    """(input tokens above which they hold, rates), in ascending order."""

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.tiers]
        if starts != sorted(set(starts)) or any(start < 1 for start in starts):
            raise UnusablePrice("tiers begin at different numbers of tokens, in ascending order")

    def cost(self, usage: Usage) -> int:
        """Micro-dollars, rounded up."""
        return self._rates(usage.input).cost(usage)

    def ceiling(self, most_input: int, most_output: int) -> int:
        """The most that so many tokens can cost: in each tier that they may reach, all input at its dearest."""
        reached = [self.rates, *(rates for start, rates in self.tiers if start < most_input)]
        dearest = Rates(max(r.dearest_input for r in reached), max(r.output for r in reached))
        return dearest.cost(Usage(most_input, most_output))

    def _rates(self, asked: int) -> Rates:
        return next((rates for start, rates in reversed(self.tiers) if asked > start), self.rates)
