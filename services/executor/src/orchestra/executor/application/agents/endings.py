"""What becomes of an attempt of an agent that is kept from going on: it rests for something, or it has failed."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestra.contracts.execution import FailureClass
from orchestra.contracts.suspensions import BudgetMet, ProviderAway, Suspension
from orchestra.executor.application.agents.ports import NoTool, OutOfLimits, ToolAway, ToolLost, Waits
from orchestra.executor.application.models.ports import LimitMet, ModelAway, ModelRefused, NoModel
from orchestra.executor.domain.money.errors import BadAmount, BudgetExhausted
from orchestra.executor.domain.money.scopes import next_period

FAILURES: Mapping[type[Exception], FailureClass] = {
    NoTool: "policy",
    NoModel: "policy",
    ToolLost: "lost",
    LimitMet: "transient",
    ModelRefused: "permanent",
    BadAmount: "permanent",
    OutOfLimits: "permanent",
}
"""What an attempt fails with."""


def failure_of(error: Exception) -> FailureClass:
    """Of one of FAILURES."""
    for kind, failure in FAILURES.items():
        if isinstance(error, kind):
            return failure
    raise AssertionError("one of these was caught")


def waits_for(stopped: Waits | BudgetExhausted | ModelAway | ToolAway, now: datetime) -> Suspension:
    match stopped:
        case Waits():
            return stopped.suspension
        case BudgetExhausted():
            return BudgetMet.model_validate(stopped.members | {"renews_at": next_period(stopped.scope, now)})
        case ModelAway():
            return away("models", str(stopped), stopped.retry_after, now)
        case ToolAway():
            return away(stopped.name, stopped.reason, stopped.retry_after, now)


def away(name: str, reason: str, retry_after: float | None, now: datetime) -> ProviderAway:
    """`retry_after` in seconds."""
    retry_at = None if retry_after is None else now + timedelta(seconds=retry_after)
    return ProviderAway(name=name[:200], reason=reason[:1000], retry_at=retry_at)
