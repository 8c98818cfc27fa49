"""A budget: what of a scope's limits is used, and whether more fits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestra.executor.domain.money.amounts import NOTHING, UNITS, Amounts, Unit, amount
from orchestra.executor.domain.money.errors import BudgetExhausted, NoLimit
from orchestra.executor.domain.money.scopes import Scope, ScopeKind

WARNED_AT = 80
"""Per cent of a limit, settled and held together."""


@dataclass(frozen=True)
class Limits:
    """None: no limit."""

    micros: int | None = None
    tokens: int | None = None
    requests: int | None = None
    minutes: int | None = None

    def of(self, unit: Unit) -> int | None:
        return getattr(self, unit)

    def checked(self) -> "Limits":
        """Itself. Raises BadAmount."""
        for unit in UNITS:
            if (limit := self.of(unit)) is not None:
                amount(limit)
        return self


NO_LIMITS = Limits()

Defaults = Mapping[ScopeKind, Limits]
"""What holds where nobody has set a limit."""


@dataclass(frozen=True)
class Budget:
    scope: Scope
    limits: Limits = NO_LIMITS
    """As they stand: set or by default, and what was topped up."""
    settled: Amounts = NOTHING
    held: Amounts = NOTHING
    own: bool = False
    """Somebody has set them; else they are the defaults."""
    topped_up: Amounts = NOTHING
    """Part of the limits: of this period alone."""
    warned: frozenset[Unit] = field(default_factory=frozenset[Unit])
    """Units of which the warning was told since the limit has changed."""
    exhausted: frozenset[Unit] = field(default_factory=frozenset[Unit])
    """The same of a refusal."""

    @property
    def used(self) -> Amounts:
        return self.settled + self.held

    def left(self, unit: Unit) -> int | None:
        """Never below zero, even where a limit was set below what is used."""
        limit = self.limits.of(unit)
        return None if limit is None else max(0, limit - self.used.of(unit))

    def refused(self, ask: Amounts) -> Unit | None:
        """The first unit that the ask does not fit in. What asks nothing of a unit always fits in it."""
        for unit in UNITS:
            left = self.left(unit)
            if left is not None and ask.of(unit) > left:
                return unit
        return None

    def refusal(self, unit: Unit, ask: Amounts) -> BudgetExhausted:
        return BudgetExhausted(
            scope=self.scope.kind,
            name=self.scope.name,
            period=self.scope.period,
            unit=unit,
            limit=self.limits.of(unit) or 0,
            settled=self.settled.of(unit),
            held=self.held.of(unit),
            asked=ask.of(unit),
        )

    def holding(self, more: Amounts) -> "Budget":
        return replace(self, held=self.held + more)

    def settling(self, held: Amounts, used: Amounts) -> "Budget":
        return replace(self, held=self.held - held, settled=self.settled + used)

    def to_warn(self) -> list[Unit]:
        """Units of which most is used, and nobody was told. A limit of zero is told by its refusals."""
        used = self.used
        return [
            unit
            for unit in UNITS
            if unit not in self.warned and (limit := self.limits.of(unit)) and 100 * used.of(unit) >= WARNED_AT * limit
        ]

    def raised_by(self, more: Amounts) -> Limits:
        """Its limits with more of what `more` has. Raises NoLimit, BadAmount."""
        for unit in UNITS:
            if more.of(unit) and self.limits.of(unit) is None:
                raise NoLimit(f"{unit} of {self.scope.kind} {self.scope.name}")
        limits = [self.limits.of(unit) for unit in UNITS]
        raised = (None if limit is None else limit + plus for limit, plus in zip(limits, more, strict=True))
        return Limits(*raised).checked()


def grown(before: Limits, after: Limits) -> list[Unit]:
    """Units of which there is more now. No limit is more than any."""

    def more(unit: Unit) -> bool:
        old, new = before.of(unit), after.of(unit)
        return old is not None and (new is None or new > old)

    return [unit for unit in UNITS if more(unit)]
