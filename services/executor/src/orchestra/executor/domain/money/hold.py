"""Holds, and what becomes of them in the ledger."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from orchestra.executor.domain.money.amounts import Amounts, amount
from orchestra.executor.domain.money.scopes import Scope, Spending, scopes_of

EntryStatus = Literal["settled", "unknown", "failed"]
"""`unknown`: nobody knows what was used; all that was held counts. `failed`: the call failed; what it used counts."""


@dataclass(frozen=True)
class Hold:
    """Money that is set aside for one call or one attempt, until it is settled, released, or its time is over."""

    id: str
    spending: Spending
    amounts: Amounts
    at: datetime
    """When it was made: that says which day and month it counts in."""
    until: datetime
    begun: bool = False
    """The call has been made, or is about to be: what it costs is owed."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return scopes_of(self.spending, self.at)


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider has counted."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def tokens(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write

    def checked(self) -> "Usage":
        """Itself. Raises BadAmount."""
        for count in (self.input, self.output, self.cache_read, self.cache_write):
            amount(count)
        amount(self.tokens)
        return self


@dataclass(frozen=True)
class Entry:
    """What a call has used, as its holder settles it. A model that answered in place of another names itself."""

    cost: int
    """Micro-dollars."""
    price_version: str
    usage: Usage = field(default_factory=Usage)
    requests: int = 1
    minutes: int = 0
    status: EntryStatus = "settled"
    provider: str = ""
    model: str = ""

    @property
    def amounts(self) -> Amounts:
        """Raises BadAmount."""
        return Amounts(self.cost, self.usage.checked().tokens, self.requests, self.minutes).checked()


@dataclass(frozen=True)
class LedgerRow:
    """One call in the ledger: the truth that all counters follow from."""

    hold: Hold
    entry: Entry
    amounts: Amounts
    """What counts: what was used, or all that was held where nobody knows."""

    @property
    def exceeds_its_hold(self) -> bool:
        """More was used than was held, which no call of ours does."""
        return self.amounts.exceeds(self.hold.amounts)


def settled(hold: Hold, entry: Entry) -> LedgerRow:
    """Raises BadAmount."""
    spending = hold.spending
    named = replace(entry, provider=entry.provider or spending.provider, model=entry.model or spending.model)
    return LedgerRow(hold, named, entry.amounts)


def unknown(hold: Hold) -> LedgerRow:
    """Of a hold whose call has begun and whose end nobody knows."""
    held = hold.amounts
    entry = Entry(held.micros, "", requests=held.requests, minutes=held.minutes, status="unknown")
    entry = replace(entry, provider=hold.spending.provider, model=hold.spending.model)
    return LedgerRow(hold, entry, held)
