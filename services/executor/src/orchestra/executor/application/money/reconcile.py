"""Compare counters with the ledger, which is the truth, and mend those that differ."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.scopes import Scope

log = logger("money")


async def differing(view: MoneyWork, budgets: Sequence[Budget]) -> list[Scope]:
    """Those that do not say what the ledger says, as far as a view that locks nothing can tell."""
    sums = await view.ledger.sums([budget.scope for budget in budgets])
    return [budget.scope for budget in budgets if sums[budget.scope] != (budget.settled, budget.held)]


async def reconcile(work: MoneyWork, scopes: Iterable[Scope]) -> list[Budget]:
    """Have their counters say what the ledger and the open holds say; returns those that were mended.

    Whoever writes of a scope into either has its row locked until the commit, so with the rows locked both stand still.
    """
    budgets = await work.budgets.locked(scopes)
    sums = await work.ledger.sums(budgets)
    mended: list[Budget] = []
    for scope, budget in budgets.items():
        settled, held = sums[scope]
        if (settled, held) == (budget.settled, budget.held):
            continue
        log.error(
            "a budget differed from its ledger",
            budget=scope.key,
            settled=tuple(budget.settled),
            held=tuple(budget.held),
            truly_settled=tuple(settled),
            truly_held=tuple(held),
        )
        mended.append(replace(budget, settled=settled, held=held))
    if mended:
        await work.budgets.write(mended, mended=True)
    return mended
