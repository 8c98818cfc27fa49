"""What the executor stores of money: budgets, open holds, the ledger."""

from typing import Any

from sqlalchemy import Boolean, Column, Index, String, Table, text

from orchestra.chassis.database.types import Counter, Instant
from orchestra.executor.adapters.tables import metadata
from orchestra.executor.domain.money.amounts import UNITS

OVER = text("exceeded")
MENDED = text("mended_at IS NOT NULL")


def _amounts(prefix: str, *, nullable: bool = False) -> list[Column[int]]:
    return [Column(f"{prefix}_{unit}", Counter, nullable=nullable) for unit in UNITS]


def _spending() -> list[Column[Any]]:
    return [
        Column("workspace_id", String(64), nullable=False),
        Column("project_id", String(64), nullable=False),
        Column("run_id", String(64)),
        Column("task_id", String(64)),
        Column("attempt_id", String(64)),
        Column("holder", String(64), nullable=False),
        Column("token", Counter, nullable=False),
        Column("agent", String(100), nullable=False),
        Column("provider", String(100), nullable=False),
        Column("model", String(200), nullable=False),
        Column("purpose", String(100), nullable=False),
    ]


BUDGET = Table(
    "budget",
    metadata,
    Column("key", String(250), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("period", String(10), nullable=False),
    Column("own", Boolean, nullable=False),
    *_amounts("limit", nullable=True),
    *_amounts("topped"),
    *_amounts("settled"),
    *_amounts("held"),
    Column("warned", String(40), nullable=False),
    Column("exhausted", String(40), nullable=False),
    Column("mended_at", Instant),
    Index("budget_page", "workspace_id", "key"),
    Index("budget_mended", "mended_at", postgresql_where=MENDED, sqlite_where=MENDED),
)
"""One row a scope and period. A day or month has one more without a period: every period begins with what is set there.

`own`: the limits are those of the columns, else the defaults of the settings; NULL is no limit. `topped_…` is on top.
`warned` and `exhausted` are the units of which that was told.
"""

HOLD = Table(
    "hold",
    metadata,
    Column("id", String(64), primary_key=True),
    *_spending(),
    *_amounts("held"),
    Column("day", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("begun", Boolean, nullable=False),
    Index("hold_until", "until"),
    Index("hold_holder", "holder"),
    Index("hold_workspace", "workspace_id"),
)
"""Open holds alone: one that is settled is a row of the ledger, one that is released is nothing."""

LEDGER = Table(
    "ledger",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hold_id", String(64), nullable=False, unique=True),
    *_spending(),
    *_amounts("used"),
    *_amounts("held"),
    Column("input_tokens", Counter, nullable=False),
    Column("output_tokens", Counter, nullable=False),
    Column("cache_read_tokens", Counter, nullable=False),
    Column("cache_write_tokens", Counter, nullable=False),
    Column("price_version", String(100), nullable=False),
    Column("status", String(16), nullable=False),
    Column("exceeded", Boolean, nullable=False),
    Column("day", String(10), nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ledger_page", "workspace_id", "id"),
    Index("ledger_day", "workspace_id", "day"),
    Index("ledger_project", "workspace_id", "project_id", "id"),
    Index("ledger_run", "workspace_id", "run_id", "id"),
    Index("ledger_task", "workspace_id", "task_id", "id"),
    Index("ledger_over", "at", postgresql_where=OVER, sqlite_where=OVER),
)
"""One row a call, never changed. `day` is the one it counts in, by when its hold was made; `used_…` is what counts."""
