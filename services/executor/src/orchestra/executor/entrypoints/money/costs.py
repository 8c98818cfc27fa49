"""Costs over HTTP: the ledger, call by call or added up."""

from typing import Annotated

from fastapi import APIRouter, Query

from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.executor.application.money.ports import Cost, CostBy, EntryView, MoneyWork, Spent

router = APIRouter(tags=["costs"])

Id = Annotated[str | None, Query(max_length=64)]


@router.get("/costs")
async def list_costs(
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    by: Annotated[CostBy, Query(description="What the calls are added up by.")],
    project_id: Id = None,
    run_id: Id = None,
    task_id: Id = None,
) -> Page[Cost]:
    """What was used, added up from the ledger; a day is by UTC, and by when the money was held."""
    work: MoneyWork = view
    spent = Spent(caller.workspace_id, project_id, run_id, task_id)
    costs = await work.ledger.costs(spent, by, after=cursor.after, limit=cursor.limit + 1)
    return cursor.page(costs, "group")


@router.get("/ledger")
async def list_ledger(
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    project_id: Id = None,
    run_id: Id = None,
    task_id: Id = None,
) -> Page[EntryView]:
    """Every call with what it used, the oldest first."""
    work: MoneyWork = view
    spent = Spent(caller.workspace_id, project_id, run_id, task_id)
    return cursor.page(await work.ledger.page(spent, after=cursor.after, limit=cursor.limit + 1), "id")
