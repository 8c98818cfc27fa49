"""What the executor reads of money: holds, what was mended, what was used beyond its hold."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from sqlalchemy import func, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.findings import Finding, value
from orchestra.chassis.telemetry.metrics import Reading, gauge
from orchestra.executor.adapters.money.tables import BUDGET, HOLD, LEDGER, MENDED, OVER

HOLDS = gauge("orchestra.holds.open", "{hold}", "Holds that are neither settled nor released.")
HOLDS_EXPIRED = gauge("orchestra.holds.expired", "{hold}", "Of these, those whose time was over some time ago.")
BUDGETS_MENDED = gauge(
    "orchestra.budgets.mended",
    "{budget}",
    "Budgets that differed from the ledger and were mended in the last day.",
)
CALLS_EXCEEDED = gauge("orchestra.calls.exceeded", "{call}", "Calls that used more than was held, in the last day.")

LABELS = {"service": "executor"}
SWEPT = timedelta(seconds=30)
"""A hold whose time is over is ended within seconds; one that was not by now never will be."""
DAY = timedelta(days=1)


async def read_money(view: UnitOfWork) -> Iterable[Reading]:
    run = view.connection.execute
    holds = select(func.count()).select_from(HOLD)
    exceeded = select(func.count()).select_from(LEDGER).where(OVER, LEDGER.c.at > view.now - DAY)
    mended = select(func.count()).select_from(BUDGET).where(MENDED, BUDGET.c.mended_at > view.now - DAY)
    return [
        Reading(HOLDS, (await run(holds)).scalar_one(), LABELS),
        Reading(HOLDS_EXPIRED, (await run(holds.where(HOLD.c.until < view.now - SWEPT))).scalar_one(), LABELS),
        Reading(CALLS_EXCEEDED, (await run(exceeded)).scalar_one(), LABELS),
        Reading(BUDGETS_MENDED, (await run(mended)).scalar_one(), LABELS),
    ]


def diagnose_money(readings: Sequence[Reading]) -> Iterator[Finding]:
    if expired := value(readings, HOLDS_EXPIRED):
        yield Finding(
            alert="OrchestraHoldsStuck",
            severity="error",
            problem=f"executor: {expired:.0f} holds are over and nobody ended them",
            step="look for the loop `holds` in the log of executor",
        )
    if mended := value(readings, BUDGETS_MENDED):
        yield Finding(
            alert="OrchestraBudgetMended",
            severity="warning",
            problem=f"executor: in the last day {mended:.0f} budgets differed from the ledger and were mended",
            step="`a budget differed from its ledger` in the log of executor names them: report it, it is a bug",
        )
    if exceeded := value(readings, CALLS_EXCEEDED):
        yield Finding(
            alert="OrchestraCallsExceeded",
            severity="warning",
            problem=f"executor: {exceeded:.0f} calls of the last day used more than was held for them",
            step="see `exceeded` in GET /api/v1/ledger: whose ceiling was too low",
        )
