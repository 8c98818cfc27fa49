"""The money of an executor for a test: its database, a held clock, the till, and what was published."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.messaging.message import decode
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.event import Event
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.reconcile import differing
from orchestra.executor.application.money.set_limit import set_limit
from orchestra.executor.application.money.sweep_holds import sweep_holds
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.budget import Budget, Defaults
from orchestra.executor.domain.money.hold import Entry, Hold, Usage
from orchestra.executor.domain.money.scopes import KINDS, PERIODIC, WHOLE, Scope, ScopeKind, Spending, scope_named
from orchestra.executor.entrypoints.money.till import Till

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Settings:
    default_limits: Defaults = field(default_factory=dict)


def database_of(url: str, clock: Any = None, defaults: Defaults | None = None) -> Database[ExecutorWork]:
    settings = Settings(defaults or {})
    return Database(url, "executor", ExecutorWork, clock=clock, pool_size=4, settings=settings)


def entry(micros: int, *, tokens: int = 0, requests: int = 1, **more: Any) -> Entry:
    return Entry(micros, "test", Usage(input=tokens), requests=requests, **more)


class Vault:
    """Of one workspace; several may share a database."""

    def __init__(self, url: str, defaults: Defaults | None = None) -> None:
        self.workspace, self.holder = f"wsp_{uuid4().hex}", f"att_{uuid4().hex}"
        self.clock = HeldClock()
        self.database = database_of(url, self.clock, defaults)
        self.till = Till(self.database)

    def spending(
        self, project: str = "prj", run: str | None = "run", task: str | None = "tsk", **more: Any
    ) -> Spending:
        holder = {"holder": self.holder, "token": 1, **more}
        return Spending(self.workspace, project, run_id=run, task_id=task, **holder)

    def scope(self, kind: ScopeKind, name: str = WHOLE) -> Scope:
        return scope_named(self.workspace, kind, name, self.clock.now())

    async def hold(self, spending: Spending | None = None, **amounts: int) -> Hold:
        return await self.till.hold(spending or self.spending(), Amounts(**amounts), self.clock.now() + HOUR)

    async def limit(self, kind: ScopeKind, name: str = WHOLE, **limits: int | None) -> Budget:
        async with self.database.begin() as work:
            return await set_limit(work, self.scope(kind, name), limits)  # pyright: ignore[reportArgumentType]

    async def budget(self, kind: ScopeKind, name: str = WHOLE) -> Budget:
        [budget] = await self.budgets(self.scope(kind, name))
        return budget

    async def budgets(self, *scopes: Scope) -> list[Budget]:
        async with self.database.read() as view:
            return await view.budgets.find(scopes)

    async def sweep(self) -> None:
        async with self.database.begin() as work:
            while await sweep_holds(work):
                pass

    async def told(self) -> list[Event]:
        """Of this workspace, in order."""
        async with self.database.read() as view:
            rows = await view.connection.execute(select(OUTBOX.c.body).order_by(OUTBOX.c.event_id))
            events = [envelope.event for body in rows.scalars() for envelope in decode(body)]
        return [event for event in events if event.workspace_id == self.workspace]

    async def wrong(self) -> list[Scope]:
        """What does not say what the ledger says, of everything that was ever opened."""
        async with self.database.read() as view:
            mine = [each for each in await view.budgets.after(self.workspace, 10_000) if self._is_mine(each.scope)]
            return await differing(
                view, [each for each in mine if each.scope.period or each.scope.kind not in PERIODIC]
            )

    def _is_mine(self, scope: Scope) -> bool:
        return scope.workspace_id == self.workspace and scope.kind in KINDS

    async def close(self) -> None:
        await self.till.stop()
        await self.database.close()
