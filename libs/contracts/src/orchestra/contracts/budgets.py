"""What is told of budgets: most of one is used, one has refused something, one has more.

Amounts are integers of the unit: micro-dollars (a millionth of a USD), tokens, requests, minutes.
"""

from datetime import datetime
from typing import Literal

from orchestra.contracts.event import Event
from orchestra.contracts.ids import RunId, TaskId

BudgetScope = Literal["day", "month", "project", "run", "task"]
"""Day and month are the workspace's, in UTC."""

BudgetUnit = Literal["micros", "tokens", "requests", "minutes"]


class BudgetEvent(Event):
    """`project_id` is empty where the budget belongs to no one project."""

    budget: str
    """Scope, name and period: `day/all/2026-11-29`, `project/prj_…`."""
    scope: BudgetScope
    name: str
    """The id of the project, run or task, else `all`."""
    period: str = ""
    """`2026-11-29` or `2026-11`, where the scope has periods."""
    unit: BudgetUnit
    settled: int
    held: int
    run_id: RunId | None = None
    task_id: TaskId | None = None
    at: datetime


class BudgetWarned(BudgetEvent, kind="budget.warned.v1", subject="budget"):
    """Four fifths of a limit are settled or held. It is told once for each scope, period and limit."""

    limit: int


class BudgetExhausted(BudgetEvent, kind="budget.exhausted.v1", subject="budget"):
    """Something was refused because it does not fit. It is told once for each scope and period until the limit changes.

    `run_id` and `task_id` are those that were refused first.
    """

    limit: int
    asked: int


class BudgetRaised(BudgetEvent, kind="budget.raised.v1", subject="budget"):
    """There is more than before: what waits for money may go on."""

    before: int
    limit: int | None
    """None: there is no limit any more."""
    by: str | None = None
