"""Tell what became of a budget, once: that most of it is used, that something was refused, that there is more."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from orchestra.contracts import budgets
from orchestra.contracts.ids import ProjectId
from orchestra.executor.application.money.ports import MoneyWork
from orchestra.executor.domain.money.amounts import Unit
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.errors import BudgetExhausted
from orchestra.executor.domain.money.hold import Hold
from orchestra.executor.domain.money.scopes import Scope


async def tell_used(work: MoneyWork, changed: Iterable[Budget], holds: Sequence[Hold]) -> dict[Scope, Budget]:
    """The warning of those of which most is used now; `holds` are what has changed them. Returns those told of."""
    told: dict[Scope, Budget] = {}
    for budget in changed:
        units = budget.to_warn()
        if units:
            project_id = _project(budget.scope, holds)
            work.publish(*(_warned(work, budget, unit, project_id) for unit in units))
            told[budget.scope] = replace(budget, warned=budget.warned | frozenset(units))
    if told:
        await work.budgets.write(list(told.values()))
    return told


async def tell_refused(work: MoneyWork, standing: dict[Scope, Budget], refusal: BudgetExhausted, hold: Hold) -> None:
    """`standing` are the budgets as they are written; the one that has refused is, with that it was told."""
    [budget] = [standing[scope] for scope in hold.scopes if scope.kind == refusal.scope]
    unit = refusal.unit
    if unit in budget.exhausted:
        return
    spending = hold.spending
    whose = _whose(work, budget, unit, _project(budget.scope, [hold]))
    whose |= {"run_id": spending.run_id, "task_id": spending.task_id}
    work.publish(budgets.BudgetExhausted(limit=refusal.limit, asked=refusal.asked, **whose))
    standing[budget.scope] = replace(budget, exhausted=budget.exhausted | {unit})
    await work.budgets.write([standing[budget.scope]])


def tell_raised(work: MoneyWork, before: Budget, after: Budget, units: Iterable[Unit], project_id: ProjectId) -> None:
    for unit in units:
        whose = _whose(work, after, unit, project_id)
        limit, old = after.limits.of(unit), before.limits.of(unit) or 0
        work.publish(budgets.BudgetRaised(before=old, limit=limit, by=work.by, **whose))


def _warned(work: MoneyWork, budget: Budget, unit: Unit, project_id: ProjectId) -> budgets.BudgetWarned:
    return budgets.BudgetWarned(**_whose(work, budget, unit, project_id), limit=budget.limits.of(unit) or 0)


def _whose(work: MoneyWork, budget: Budget, unit: Unit, project_id: ProjectId) -> dict[str, Any]:
    scope = budget.scope
    named = {"run": "run_id", "task": "task_id"}.get(scope.kind)
    return {
        "workspace_id": scope.workspace_id,
        "project_id": project_id,
        "budget": scope.key.removeprefix(f"{scope.workspace_id}/"),
        "scope": scope.kind,
        "name": scope.name,
        "period": scope.period,
        "unit": unit,
        "settled": budget.settled.of(unit),
        "held": budget.held.of(unit),
        "at": work.now,
        **({named: scope.name} if named else {}),
    }


def _project(scope: Scope, holds: Sequence[Hold]) -> ProjectId:
    """Of the workspace's own scopes none: they belong to no one project."""
    if scope.kind in ("day", "month"):
        return ""
    return next(hold.spending.project_id for hold in holds if scope in hold.scopes)
