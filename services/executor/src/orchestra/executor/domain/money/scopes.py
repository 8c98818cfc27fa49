"""Scopes: whose money it is. Every call belongs to up to five of them, each within the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from orchestra.contracts.ids import AttemptId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.executor.domain.money.errors import UnknownScope

ScopeKind = Literal["day", "month", "project", "run", "task"]
KINDS: tuple[ScopeKind, ...] = get_args(ScopeKind)
PERIODIC = frozenset[ScopeKind]({"day", "month"})
"""Of the workspace, in UTC; each period begins anew."""

WHOLE = "all"
"""The name of the workspace's own scopes."""


@dataclass(frozen=True)
class Spending:
    """For whom a call is made, and what may be known of it afterwards."""

    workspace_id: WorkspaceId
    project_id: ProjectId
    holder: str
    """Whose hold it is: an attempt's id, or a model call's."""
    token: int
    """The holder's fencing token: who takes it over has a higher one."""
    run_id: RunId | None = None
    task_id: TaskId | None = None
    attempt_id: AttemptId | None = None
    agent: str = ""
    provider: str = ""
    model: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Scope:
    """One budget's name. `period` is empty where the scope has no periods."""

    workspace_id: WorkspaceId
    kind: ScopeKind
    name: str
    period: str = ""

    @property
    def key(self) -> str:
        """Unique, and what all scopes are locked in the order of."""
        return "/".join((self.workspace_id, self.kind, self.name, self.period)).rstrip("/")

    @property
    def whole(self) -> "Scope":
        """The same without its period: where the limit stands that every period begins with."""
        return Scope(self.workspace_id, self.kind, self.name)


def scope_named(workspace_id: WorkspaceId, kind: str, name: str, at: datetime) -> Scope:
    """As of now. Raises UnknownScope."""
    if kind not in KINDS or not name or (kind in PERIODIC) != (name == WHOLE):
        raise UnknownScope(f"not {kind} {name}")
    return Scope(workspace_id, kind, name, period_of(kind, at))


def period_of(kind: ScopeKind, at: datetime) -> str:
    """Of a day `2026-11-29`, of a month `2026-11`, by UTC."""
    day = at.astimezone(UTC).date().isoformat()
    return {"day": day, "month": day[:7]}.get(kind, "")


def next_period(kind: str, at: datetime) -> datetime | None:
    """When the period that comes after the one at `at` begins. None: the scope has none."""
    if kind not in PERIODIC:
        return None
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # Thirty-two days after a month's first lie in the next month, whatever its length.
    return today + timedelta(days=1) if kind == "day" else (today.replace(day=1) + timedelta(days=32)).replace(day=1)


def scopes_of(spending: Spending, at: datetime) -> tuple[Scope, ...]:
    """Those that a call counts in: by when it was held, not by when it ends."""
    names: Mapping[ScopeKind, str | None] = {
        "day": WHOLE,
        "month": WHOLE,
        "project": spending.project_id,
        "run": spending.run_id,
        "task": spending.task_id,
    }
    return tuple(Scope(spending.workspace_id, kind, name, period_of(kind, at)) for kind, name in names.items() if name)
