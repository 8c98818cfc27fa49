"""Amounts: whole numbers of four units, checked where they come in. Money is in micro-dollars, a millionth of a USD."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from operator import add, sub
from typing import get_args

from orchestra.executor.domain.money.errors import BadAmount, Unit, UnknownPrice

UNITS: tuple[Unit, ...] = get_args(Unit)

MOST = 10**15
"""Of any unit: a thousand million USD. Sums of many thousands of these fit into the 64 bits of a column."""

MICROS = 10**6
"""In a USD."""


def amount(value: object) -> int:
    """The value, where it is an amount. Raises BadAmount: NaN, fractions, truth values and texts are none."""
    if type(value) is not int or not 0 <= value <= MOST:
        raise BadAmount(repr(value))
    return value


def micros(usd: Decimal | int | float | str) -> int:
    """Micro-dollars, rounded up: a price is never below what it costs. Raises BadAmount."""
    try:
        # By its text: a float is meant as it is written, not as the binary fraction next to it.
        exact = Decimal(str(usd))
        if not exact.is_finite() or not 0 <= exact <= MOST // MICROS:
            raise BadAmount(f"{usd} USD")
        return amount(int((exact * MICROS).to_integral_value(ROUND_CEILING)))
    except InvalidOperation as error:
        raise BadAmount(f"{usd!r} USD") from error


def ceiling(price: int | None, declared: int | None) -> int:
    """What to hold for a call: what it costs at most, else what its caller declares. Raises UnknownPrice."""
    if price is not None:
        return amount(price)
    if declared is None:
        raise UnknownPrice("nothing would be held for it")
    return amount(declared)


@dataclass(frozen=True)
class Amounts:
    """So much of each unit. What is held for a call is its ceiling: no call may use more."""

    micros: int = 0
    tokens: int = 0
    requests: int = 0
    minutes: int = 0
    """Whole ones; of an attempt rather than of a call, of which many would be a minute each."""

    def __add__(self, other: "Amounts") -> "Amounts":
        return self._with(add, other)

    def __sub__(self, other: "Amounts") -> "Amounts":
        return self._with(sub, other)

    def _with(self, operation: Callable[[int, int], int], other: "Amounts") -> "Amounts":
        return Amounts(*(operation(mine, theirs) for mine, theirs in zip(self, other, strict=True)))

    def __iter__(self) -> Iterator[int]:
        """In the order of UNITS."""
        return iter((self.micros, self.tokens, self.requests, self.minutes))

    def of(self, unit: Unit) -> int:
        return getattr(self, unit)

    def exceeds(self, other: "Amounts") -> bool:
        """More than the other in any unit."""
        return any(mine > theirs for mine, theirs in zip(self, other, strict=True))

    def checked(self) -> "Amounts":
        """Itself. Raises BadAmount."""
        for field in fields(self):
            amount(getattr(self, field.name))
        return self


NOTHING = Amounts()
