"""The table of checkpoints, beside those of the work graph."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from orchestra.chassis.database.types import Instant, Json
from orchestra.scheduler.adapters.tables import metadata

_OPEN = text("status = 'open'")
_DUE = text("due_at IS NOT NULL")

CHECKPOINT = Table(
    "checkpoint",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("task_id", String(64), ForeignKey("task.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("question", Text, nullable=False),
    Column("choices", Json, nullable=False),
    Column("status", String(20), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("escalates_at", Instant),
    Column("escalated_at", Instant),
    Column("expires_at", Instant),
    Column("due_at", Instant),
    Column("answer", String(20)),
    Column("answered_by", String(200)),
    Column("answered_at", Instant),
    Column("guidance", Text, nullable=False, server_default=""),
    Column("inputs", Json),
    Column("asks", Json),
    Column("said", Text, nullable=False, server_default=""),
    Index("checkpoint_open", "task_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
    Index("checkpoint_due", "due_at", postgresql_where=_DUE, sqlite_where=_DUE),
    Index("checkpoint_of_task", "task_id", "attempt"),
    Index("checkpoint_of_run", "run_id", "status"),
    Index("checkpoint_of_project", "project_id", "status"),
    Index("checkpoint_of_workspace", "workspace_id", "id"),
)
"""A decision that a person owes about a task; a task has at most one that is open. `due_at`: when time acts on it."""
