"""Why money is refused; a class's docstring is its message where it says nothing better.

MoneyError
├── BudgetExhausted
├── BadAmount
│   └── UnknownPrice
├── UnknownScope
├── NoLimit
└── HoldLost
"""

from typing import Any, ClassVar, Literal

from orchestra.executor.domain.errors import ExecutionError

Unit = Literal["micros", "tokens", "requests", "minutes"]


class MoneyError(ExecutionError):
    """Money is refused."""

    code: ClassVar[str] = "money-refused"


class BudgetExhausted(MoneyError):
    """What is asked for does not fit into a budget; asking again does not help until its limit is raised.

    All amounts are integers of the unit: micro-dollars, tokens, requests or minutes.
    """

    code = "budget-exhausted"

    def __init__(
        self, *, scope: str, name: str, period: str, unit: Unit, limit: int, settled: int, held: int, asked: int
    ):
        whose = " ".join(word for word in (scope, name, period) if word)
        super().__init__(f"{asked} {unit} asked of {whose}, {settled} settled and {held} held of {limit}")
        self.scope, self.name, self.period = scope, name, period
        self.unit: Unit = unit
        self.limit, self.settled, self.held, self.asked = limit, settled, held, asked

    @property
    def members(self) -> dict[str, Any]:
        """What the problem says beside its text."""
        names = ("scope", "name", "period", "unit", "limit", "settled", "held", "asked")
        return {name: getattr(self, name) for name in names}


class BadAmount(MoneyError):
    """An amount is a whole number from 0 to 10^15."""

    code = "bad-amount"


class UnknownPrice(BadAmount):
    """The price is not known: declare a ceiling, or choose a model with a price."""

    code = "unknown-price"


class UnknownScope(MoneyError):
    """A budget is of the `day` or `month` of the workspace (by the name `all`), of a `project`, a `run` or a `task`."""

    code = "unknown-scope"


class NoLimit(MoneyError):
    """There is no limit that could be raised."""

    code = "no-limit"


class HoldLost(MoneyError):
    """The hold is its holder's no more: it was settled, released, or ended by its time."""

    code = "hold-lost"
