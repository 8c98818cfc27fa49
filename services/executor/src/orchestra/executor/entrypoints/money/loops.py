"""What is done with money by time: holds that nobody settles are ended, counters are compared with the ledger."""

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.loops import Loop
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.sweep_holds import sweep_holds
from orchestra.executor.entrypoints.money.standing import standing

AT_ONCE = 50
"""Budgets that are compared in a step."""


def money_loops(database: Database[ExecutorWork]) -> list[Loop]:
    return [
        Loop("holds", _Sweep(database).step, every=2.0, steady=True),
        Loop("budgets", _Round(database).step, every=60.0, steady=True),
    ]


class _Sweep:
    def __init__(self, database: Database[ExecutorWork]) -> None:
        self._database = database

    async def step(self) -> bool:
        async with self._database.begin() as work:
            return await sweep_holds(work)


class _Round:
    """Goes through all budgets by and by, and begins again."""

    def __init__(self, database: Database[ExecutorWork]) -> None:
        self._database = database
        self._after = ""

    async def step(self) -> bool:
        budgets = await standing(self._database, lambda view: view.budgets.after(self._after, AT_ONCE))
        self._after = budgets[-1].scope.key if len(budgets) == AT_ONCE else ""
        return False
