"""Hold money: of several requests at once, since whoever holds keeps all others from the workspace's rows meanwhile."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestra.chassis.ids import new_id
from orchestra.executor.application.money.ports import MoneyWork, Reservation
from orchestra.executor.application.money.tell import tell_refused, tell_used
from orchestra.executor.domain.money.amounts import NOTHING, Amounts
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.errors import BudgetExhausted
from orchestra.executor.domain.money.hold import Hold
from orchestra.executor.domain.money.scopes import Scope, Spending


@dataclass(frozen=True)
class Request:
    spending: Spending
    ask: Amounts
    until: datetime


class NotOpened(Exception):
    """Scopes that were never spent from have no row yet: open them, in a transaction of its own, and try again."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        super().__init__(", ".join(scope.key for scope in scopes))
        self.scopes = scopes


async def hold_money(work: MoneyWork, requests: Sequence[Request]) -> list[Hold | BudgetExhausted]:
    """A hold for each request in their order, or why it is refused. Raises NotOpened, BadAmount.

    All together where they all fit, which is one statement. Else the rows are locked now: who fits is found one by one,
    so that none is refused that fits, and one more statement holds for those.
    """
    holds = [_hold(work, request) for request in requests]
    reservation = await _reserve(work, holds)
    if reservation.taken:
        return list(holds)
    standing = dict(reservation.budgets)
    answers = [_decided(standing, hold) for hold in holds]
    if admitted := [answer for answer in answers if isinstance(answer, Hold)]:
        again = await _reserve(work, admitted)
        assert again.taken, "what fits in locked rows was refused"
        standing |= again.budgets
    for hold, answer in zip(holds, answers, strict=True):
        if isinstance(answer, BudgetExhausted):
            await tell_refused(work, standing, answer, hold)
    return answers


def _hold(work: MoneyWork, request: Request) -> Hold:
    return Hold(new_id("hld"), request.spending, request.ask.checked(), work.now, request.until)


def _decided(standing: dict[Scope, Budget], hold: Hold) -> Hold | BudgetExhausted:
    """As the budgets stand after those before it."""
    for scope in hold.scopes:
        if (unit := standing[scope].refused(hold.amounts)) is not None:
            return standing[scope].refusal(unit, hold.amounts)
    standing.update({scope: standing[scope].holding(hold.amounts) for scope in hold.scopes})
    return hold


async def _reserve(work: MoneyWork, holds: Sequence[Hold]) -> Reservation:
    """What is taken is told of, and the budgets are as they stand after that."""
    needs = _needs(holds)
    reservation = await work.budgets.reserve(needs)
    if missing := [scope for scope in needs if scope not in reservation.budgets]:
        raise NotOpened(missing)
    if not reservation.taken:
        return reservation
    work.holds.add(holds)
    after = {scope: reservation.budgets[scope].holding(need) for scope, need in needs.items()}
    after |= await tell_used(work, after.values(), holds)
    return Reservation(True, after)


def _needs(holds: Iterable[Hold]) -> Mapping[Scope, Amounts]:
    needs: defaultdict[Scope, Amounts] = defaultdict(lambda: NOTHING)
    for hold in holds:
        for scope in hold.scopes:
            needs[scope] += hold.amounts
    return needs
