"""Ports to what is stored of money, and the one that whoever calls a provider uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.ids import ProjectId, RunId, TaskId, WorkspaceId
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.budget import Budget
from orchestra.executor.domain.money.hold import Entry, EntryStatus, Hold, LedgerRow
from orchestra.executor.domain.money.scopes import Scope, ScopeKind, Spending

CostBy = Literal["task", "run", "agent", "model", "day", "project"]


class Purse(Protocol):
    """For whoever calls a provider. Each of these is a transaction of its own: call none within another one.

    hold → begin → (the call) → settle; or hold → release, where the call was never made. Where somebody is killed
    between begin and settle, it is settled as unknown, with all that was held, once the hold has expired or its next
    holder recovers it.
    """

    async def hold(self, spending: Spending, ask: Amounts, until: datetime) -> Hold:
        """Set aside what the call costs at most. Raises BudgetExhausted, and then nothing is set aside; BadAmount."""
        ...

    async def begin(self, hold: Hold) -> None:
        """Before the call goes out: from here on it is owed. Raises HoldLost, and then the call must not be made."""
        ...

    async def settle(self, hold: Hold, entry: Entry) -> LedgerRow:
        """Record what was used. Repeating it changes nothing. Raises HoldLost where the hold was ended by its time."""
        ...

    async def release(self, hold: Hold) -> None:
        """The call was not made. Raises HoldLost where it was settled."""
        ...

    async def extend(self, hold: Hold, until: datetime) -> Hold:
        """Raises HoldLost."""
        ...

    async def recover(self, holder: str, token: int) -> Sequence[LedgerRow]:
        """End what earlier holders of this attempt or call, those with a lower token, have left: what had begun is
        settled as unknown, and returned; what had not is released. Call it before anything is repeated."""
        ...


@dataclass(frozen=True)
class Reservation:
    taken: bool
    """All of it, else nothing."""
    budgets: Mapping[Scope, Budget]
    """Locked for this transaction, as they were before. One that was never opened is missing."""


class Budgets(Protocol):
    """Every write is of rows that this transaction has locked, in the order of their keys."""

    async def reserve(self, needs: Mapping[Scope, Amounts]) -> Reservation:
        """Add to what is held in all these scopes, or in none of them where it does not fit in all."""
        ...

    async def locked(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]: ...

    async def write(self, budgets: Sequence[Budget], *, mended: bool = False) -> None:
        """Their counters and what was told of them."""
        ...

    async def open(self, scopes: Iterable[Scope]) -> None:
        """Have rows for them. In a transaction of its own: it waits for others who open the same."""
        ...

    async def to_limit(self, scope: Scope) -> list[Budget]:
        """The budget without a period and those of its periods from this one on, opened and locked."""
        ...

    async def limit(self, budgets: Sequence[Budget]) -> None:
        """Write their limits and what was told of them."""
        ...

    async def page(
        self,
        workspace_id: WorkspaceId,
        kind: ScopeKind | None,
        current: Sequence[Scope],
        *,
        after: str | None,
        limit: int,
    ) -> list[Budget]:
        """By key: the current periods of the workspace, then what has a limit of its own or was spent from."""
        ...

    async def find(self, scopes: Sequence[Scope]) -> list[Budget]:
        """In their order; what was never spent from is as it would begin."""
        ...

    async def after(self, key: str, limit: int) -> list[Budget]:
        """By key, of all workspaces."""
        ...

    async def project_of(self, scope: Scope) -> ProjectId:
        """Empty where it belongs to no one project, or none is known."""
        ...


class Holds(Protocol):
    def add(self, holds: Sequence[Hold]) -> None: ...

    async def begin(self, hold: Hold) -> bool:
        """False where it is its holder's no more; the same below."""
        ...

    async def extend(self, hold: Hold, until: datetime) -> bool: ...

    async def take(self, holds: Sequence[Hold]) -> list[Hold]:
        """Remove them; returns those that were there, as they were, with their holders' tokens."""
        ...

    async def take_expired(self, limit: int) -> list[Hold]: ...

    async def take_left_by(self, holder: str, token: int) -> list[Hold]:
        """Those of this holder with a lower token."""
        ...


@dataclass(frozen=True)
class EntryView:
    """A row of the ledger as it is shown."""

    id: str
    project_id: ProjectId
    run_id: RunId | None
    task_id: TaskId | None
    attempt_id: str | None
    agent: str
    provider: str
    model: str
    purpose: str
    status: EntryStatus
    micros: int
    tokens: int
    requests: int
    minutes: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    held_micros: int
    exceeded: bool
    """More was used than was held."""
    price_version: str
    at: datetime


@dataclass(frozen=True)
class Cost:
    """What was used by all calls of one kind."""

    group: str
    """The task's, run's or project's id, the agent, the model, or the day; empty for calls without one."""
    calls: int
    unknown: int
    """Calls of which nobody knows the end; all that was held for them counts."""
    failed: int
    micros: int
    tokens: int
    requests: int
    minutes: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


@dataclass(frozen=True)
class Spent:
    """Which calls are meant."""

    workspace_id: WorkspaceId
    project_id: ProjectId | None = None
    run_id: RunId | None = None
    task_id: TaskId | None = None


class Ledger(Protocol):
    def add(self, rows: Sequence[LedgerRow]) -> None: ...

    async def entry_of(self, hold: Hold) -> Entry | None:
        """What was settled for this hold by its holder, if anything."""
        ...

    async def sums(self, scopes: Iterable[Scope]) -> dict[Scope, tuple[Amounts, Amounts]]:
        """What the ledger and the open holds say that is settled and held, by one view of both."""
        ...

    async def page(self, spent: Spent, *, after: str | None, limit: int) -> list[EntryView]:
        """The oldest first."""
        ...

    async def costs(self, spent: Spent, by: CostBy, *, after: str | None, limit: int) -> list[Cost]:
        """By group."""
        ...


class MoneyWork(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def by(self) -> str | None: ...

    @property
    def budgets(self) -> Budgets: ...

    @property
    def holds(self) -> Holds: ...

    @property
    def ledger(self) -> Ledger: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...
