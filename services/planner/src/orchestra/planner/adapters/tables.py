"""The planner's tables: projects, their requirements, plan versions, and what becomes of approved tasks."""

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()
add_chassis_tables(metadata)

STANDING = ("approved", "applied")
"""Statuses of the one plan that a project goes by."""

_REQUESTED = text("status = 'requested'")
TO_HAND_ON = text("approved_at IS NOT NULL AND handed_on_at IS NULL")
_STANDING = text("status IN ('approved', 'applied')")

PROJECT = Table(
    "project",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("plan_versions", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("archived_at", Instant),
    Column("archivings", Integer, nullable=False, server_default="0"),
)
"""Its row is the lock under which plan versions are given and approvals are decided."""

REQUIREMENT = Table(
    "requirement",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("section", Json, nullable=False),
    Column("line", Integer, nullable=False),
    Column("first_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    ForeignKeyConstraint(["workspace_id", "project_id"], ["project.workspace_id", "project.id"]),
)
"""Every requirement that a project ever had, in its latest wording. No row is deleted: a number never comes back."""

PLAN = Table(
    "plan",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("version", Integer),
    Column("mode", String(16), nullable=False),
    Column("document_name", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("content", Text),
    Column("hash", String(64)),
    Column("size", Integer),
    Column("faults", Text, nullable=False, server_default="[]"),
    Column("requested_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("trace", Text),
    Column("created_at", Instant, nullable=False),
    Column("planned_at", Instant),
    Column("approved_at", Instant),
    Column("handed_on_at", Instant),
    Column("settled_at", Instant),
    Column("follows", String(64)),
    Column("superseded_by", String(64)),
    Column("rejected_by", Text),
    Column("reason", Text),
    Column("ended_at", Instant),
    Column("waits_for", String(64)),
    ForeignKeyConstraint(["workspace_id", "project_id"], ["project.workspace_id", "project.id"]),
    UniqueConstraint("workspace_id", "project_id", "version", name="plan_version"),
    Index("plan_of_project", "workspace_id", "project_id", "id"),
    Index("plan_to_hand_on", "approved_at", "id", postgresql_where=TO_HAND_ON, sqlite_where=TO_HAND_ON),
    Index("plan_requested", "created_at", "id", postgresql_where=_REQUESTED, sqlite_where=_REQUESTED),
    Index(
        "plan_standing",
        "workspace_id",
        "project_id",
        unique=True,
        postgresql_where=_STANDING,
        sqlite_where=_STANDING,
    ),
)
"""What was asked for and what came of it.

`request`, `content` and `faults` are JSON as text: nothing is ever looked for inside them, and text keeps what JSONB
refuses (NUL) or loses (the order of keys). `size` counts the tasks of a proposed plan. `trace` is that of what is to be
done next: of the request until there is a plan, of the approval until its graph is handed on. `waits_for`: the model
call without whose answer it cannot go on.
"""

MODEL_CALL = Table(
    "model_call",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("plan_id", String(64), ForeignKey("plan.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("answer", Text),
    Column("faults", Text, nullable=False, server_default="[]"),
    Column("model", Text),
    Column("cost_micros", Counter, nullable=False, server_default="0"),
    Column("asked_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("plan_id", "round", name="model_call_round"),
)
"""What models were asked for plans: `asked`, then `answered`, `failed` or `cancelled`."""

PLAN_TASK = Table(
    "plan_task",
    metadata,
    Column("plan_id", String(64), ForeignKey("plan.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
)
"""The ids that the tasks of an approved plan were handed on with."""

TASK_KEY = Table(
    "task_key",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("task_id", String(64), nullable=False, unique=True),
)
"""Every task that a project's approved plans ever had: one key is one task, in whatever versions it is named."""

COVERAGE = Table(
    "coverage",
    metadata,
    Column("plan_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    ForeignKeyConstraint(["plan_id", "position"], ["plan_task.plan_id", "plan_task.position"]),
)
"""Which task of an approved plan covers which requirement."""

COMPLETION = Table(
    "completion",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("task_id", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
)
"""Tasks that the scheduler calls done. It refers to no plan, so that the order in which events come means nothing."""
