"""Budgets over HTTP. Amounts are integers of the unit: micro-dollars, tokens, requests, minutes."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, Page
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.set_limit import set_limit, top_up, unset_limit
from orchestra.executor.domain.money.amounts import MOST, UNITS, Amounts, Unit
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.scopes import KINDS, PERIODIC, WHOLE, ScopeKind, scope_named
from orchestra.executor.entrypoints.money.standing import standing

router = APIRouter(tags=["budgets"])

Name = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
Amount = Annotated[int, Field(ge=0, le=MOST, strict=True)]


class LimitsRequest(BaseModel):
    """A unit that is not named stays as it is; null takes its limit away."""

    model_config = ConfigDict(extra="forbid")

    micros: Amount | None = None
    """Micro-dollars: 1,000,000 are a USD."""
    tokens: Amount | None = None
    requests: Amount | None = None
    minutes: Amount | None = None

    @model_validator(mode="after")
    def names_something(self) -> "LimitsRequest":
        if not self.model_fields_set:
            raise ValueError("name micros, tokens, requests or minutes")
        return self

    @property
    def named(self) -> dict[Unit, int | None]:
        return {unit: getattr(self, unit) for unit in UNITS if unit in self.model_fields_set}


class TopUpRequest(BaseModel):
    """So much more of each unit."""

    model_config = ConfigDict(extra="forbid")

    micros: Amount = 0
    tokens: Amount = 0
    requests: Amount = 0
    minutes: Amount = 0

    @model_validator(mode="after")
    def is_something(self) -> "TopUpRequest":
        if not any(getattr(self, unit) for unit in UNITS):
            raise ValueError("give micros, tokens, requests or minutes")
        return self


class LimitsView(BaseModel):
    """None: no limit."""

    micros: int | None
    tokens: int | None
    requests: int | None
    minutes: int | None


class AmountsView(BaseModel):
    micros: int
    tokens: int
    requests: int
    minutes: int


class BudgetView(BaseModel):
    key: str
    """Scope, name and period."""
    scope: ScopeKind
    name: str
    """The id of the project, run or task, else `all`."""
    period: str
    """`2026-11-29` or `2026-11`, by UTC; empty where the scope has no periods."""
    own: bool
    """Somebody has set the limits; else they are the defaults."""
    limit: LimitsView
    topped_up: AmountsView
    """Part of the limit."""
    settled: AmountsView
    held: AmountsView
    left: LimitsView


@router.get("/budgets")
async def list_budgets(
    request: Request,
    caller: CurrentCaller,
    cursor: CurrentCursor,
    scope: Annotated[ScopeKind | None, Query()] = None,
) -> Page[BudgetView]:
    """Those that have a limit of their own or were spent from; of the workspace's day and month the current ones."""
    workspace_id, database = caller.workspace_id, _database(request)
    now = [scope_named(workspace_id, kind, WHOLE, database.clock.now()) for kind in KINDS if kind in PERIODIC]
    current = [each for each in now if scope in (None, each.kind)]

    async def page(view: ExecutorWork) -> Sequence[Budget]:
        after = f"{workspace_id}/{cursor.after}" if cursor.after else None
        return await view.budgets.page(workspace_id, scope, current, after=after, limit=cursor.limit + 1)

    budgets = await standing(database, page)
    return cursor.page([_shown(budget) for budget in budgets], "key")


@router.get("/budgets/{scope}/{name}", response_model=BudgetView)
async def show_budget(
    scope: ScopeKind, name: Name, request: Request, caller: CurrentCaller, reader: CurrentReader
) -> Response:
    """As it stands: `day` and `month` of the workspace by the name `all`, a `project`, `run` or `task` by its id."""
    database = _database(request)
    wanted = scope_named(caller.workspace_id, scope, name, database.clock.now())
    [budget] = await standing(database, lambda view: view.budgets.find([wanted]))
    return reader.answer(_shown(budget))


@router.put("/budgets/{scope}/{name}", response_model=BudgetView)
async def put_budget(scope: ScopeKind, name: Name, body: LimitsRequest, command: CurrentCommand) -> Response:
    """Set limits. One below what is used refuses whatever comes next, and takes back nothing."""

    async def effect(work: ExecutorWork) -> BudgetView:
        wanted = scope_named(command.caller.workspace_id, scope, name, work.now)
        return _shown(await set_limit(work, wanted, body.named))

    return await command.run(effect)


@router.delete("/budgets/{scope}/{name}", response_model=BudgetView)
async def delete_budget(scope: ScopeKind, name: Name, command: CurrentCommand) -> Response:
    """Take back what was set: the defaults hold again."""

    async def effect(work: ExecutorWork) -> BudgetView:
        wanted = scope_named(command.caller.workspace_id, scope, name, work.now)
        return _shown(await unset_limit(work, wanted, work.settings.default_limits))

    return await command.run(effect)


@router.post("/budgets/{scope}/{name}/top-up", response_model=BudgetView)
async def top_up_budget(scope: ScopeKind, name: Name, body: TopUpRequest, command: CurrentCommand) -> Response:
    """More on top of the limits, of a day or month for this one alone. What waits for money hears of it."""
    more = Amounts(*(getattr(body, unit) for unit in UNITS))

    async def effect(work: ExecutorWork) -> BudgetView:
        return _shown(await top_up(work, scope_named(command.caller.workspace_id, scope, name, work.now), more))

    return await command.run(effect)


def _shown(budget: Budget) -> BudgetView:
    def amounts(of: Amounts) -> AmountsView:
        return AmountsView(**{unit: of.of(unit) for unit in UNITS})

    scope = budget.scope
    return BudgetView(
        key=scope.key.removeprefix(f"{scope.workspace_id}/"),
        scope=scope.kind,
        name=scope.name,
        period=scope.period,
        own=budget.own,
        limit=LimitsView(**{unit: budget.limits.of(unit) for unit in UNITS}),
        topped_up=amounts(budget.topped_up),
        settled=amounts(budget.settled),
        held=amounts(budget.held),
        left=LimitsView(**{unit: budget.left(unit) for unit in UNITS}),
    )


def _database(request: Request) -> Database[ExecutorWork]:
    return request.app.state.database
