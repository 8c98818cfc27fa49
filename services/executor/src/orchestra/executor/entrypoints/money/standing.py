"""Budgets as they stand: what is read is compared with the ledger, and mended before it is shown."""

from collections.abc import Awaitable, Callable, Sequence

from orchestra.chassis.database.unit_of_work import Database
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.reconcile import differing, reconcile
from orchestra.executor.domain.money.budget import Budget


async def standing(
    database: Database[ExecutorWork], find: Callable[[ExecutorWork], Awaitable[Sequence[Budget]]]
) -> Sequence[Budget]:
    async with database.read() as view:
        budgets = await find(view)
        suspects = await differing(view, budgets)
    if not suspects:
        return budgets
    # A view that locks nothing may have seen one without the other: who differs truly is known once both stand still.
    async with database.begin() as work:
        mended = {budget.scope: budget for budget in await reconcile(work, suspects)}
    return [mended.get(budget.scope, budget) for budget in budgets]
