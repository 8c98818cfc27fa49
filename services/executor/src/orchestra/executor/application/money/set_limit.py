"""Set the limits of a budget, take them back to the defaults, or top them up."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.application.money.tell import tell_raised
from orchestra.executor.domain.money.amounts import NOTHING, UNITS, Amounts, Unit
from orchestra.executor.domain.money.budget import Budget, Defaults, Limits, grown
from orchestra.executor.domain.money.scopes import Scope


async def set_limit(work: MoneyWork, scope: Scope, limits: Mapping[Unit, int | None]) -> Budget:
    """For every period from the current one on; units that are not named stay as they are. Raises BadAmount.

    What was topped up of a unit before is in it no more. One below what is used refuses whatever comes next, and takes
    back nothing.
    """
    Limits(**limits).checked()

    def change(budget: Budget) -> Budget:
        kept: dict[Unit, int | None] = {**{unit: budget.limits.of(unit) for unit in UNITS}, **limits}
        topped = {unit: budget.topped_up.of(unit) for unit in UNITS if unit not in limits}
        return replace(budget, limits=Limits(**kept), own=True, topped_up=Amounts(**topped))

    return await _change(work, scope, change)


async def unset_limit(work: MoneyWork, scope: Scope, defaults: Defaults) -> Budget:
    limits = defaults.get(scope.kind, Limits())
    return await _change(work, scope, lambda budget: replace(budget, limits=limits, own=False, topped_up=NOTHING))


async def top_up(work: MoneyWork, scope: Scope, more: Amounts) -> Budget:
    """More for the current period alone. Raises NoLimit, BadAmount."""
    more.checked()

    def topped(budget: Budget) -> Budget:
        if budget.scope != scope:
            return budget
        return replace(budget, limits=budget.raised_by(more), topped_up=budget.topped_up + more)

    return await _change(work, scope, topped)


async def _change(work: MoneyWork, scope: Scope, change: Callable[[Budget], Budget]) -> Budget:
    before = await work.budgets.to_limit(scope)
    after = [_told_anew(budget, change(budget)) for budget in before]
    await work.budgets.limit(after)
    [(old, new)] = [pair for pair in zip(before, after, strict=True) if pair[0].scope == scope]
    if units := grown(old.limits, new.limits):
        tell_raised(work, old, new, units, await work.budgets.project_of(scope))
    return new


def _told_anew(before: Budget, after: Budget) -> Budget:
    """What was told of a limit that has changed may be told again."""
    changed: set[Unit] = {unit for unit in UNITS if before.limits.of(unit) != after.limits.of(unit)}
    return replace(after, warned=after.warned - changed, exhausted=after.exhausted - changed)
