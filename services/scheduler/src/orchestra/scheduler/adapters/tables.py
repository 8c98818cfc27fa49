"""The scheduler's tables: the work graph, its runs, the people, the schedule."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
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


def _id(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


PROJECT = Table(
    "project",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("graph_version", Integer, nullable=False, server_default="0"),
    Column("calendar", Json),
    Column("schedule_version", Integer, nullable=False, server_default="0"),
    Column("stale_cause", Text),
    Column("stale_count", Counter, nullable=False, server_default="0"),
    Column("recalculated_at", Instant),
    Column("rests_until", Instant),
    Column("told_at", Instant),
    Column("sequence", Counter, nullable=False, server_default="0"),
    Index(
        "project_stale",
        "rests_until",
        postgresql_where=text("stale_cause IS NOT NULL"),
        sqlite_where=text("stale_cause IS NOT NULL"),
    ),
)
"""What the scheduler knows of a project. Its row is the lock under which the project's graph and runs change."""

MEMBER = Table(
    "member",
    metadata,
    Column("id", String(64), primary_key=True),
    _id("workspace_id"),
    _id("project_id"),
    Column("key", String(64), nullable=False),
    Column("definition", Json, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("project_id", "workspace_id", "key", name="member_once"),
)

PLAN = Table(
    "plan",
    metadata,
    Column("id", String(64), primary_key=True),
    _id("workspace_id"),
    _id("project_id"),
    Column("version", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("applied_at", Instant, nullable=False),
)

RUN = Table(
    "run",
    metadata,
    Column("id", String(64), primary_key=True),
    _id("workspace_id"),
    _id("project_id"),
    _id("plan_id"),
    Column("plan_hash", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("sequence", Counter, nullable=False, server_default="0"),
    Column("dry_run", Boolean, nullable=False),
    Column("concurrency", Integer),
    Column("retries", Integer),
    Column("requested_by", String(200), nullable=False),
    Column("trace", String(100)),
    Column("cause", Text, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    UniqueConstraint("project_id", "workspace_id", "plan_id", name="run_of_plan"),
    Index("run_open", "status"),
)
"""One execution of an approved plan; a plan has at most one, which may be reopened."""

TASK = Table(
    "task",
    metadata,
    Column("id", String(64), primary_key=True),
    _id("workspace_id"),
    _id("project_id"),
    Column("plan_id", String(64), ForeignKey("plan.id"), nullable=False),
    Column("run_id", String(64), ForeignKey("run.id")),
    Column("position", Integer, nullable=False),
    Column("key", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("pool", Text, nullable=False),
    Column("role", String(100)),
    Column("covers", Json, nullable=False),
    Column("criteria", Json, nullable=False),
    Column("points", Float),
    Column("minutes", Integer),
    Column("command", Json),
    Column("assignee", String(64)),
    Column("planned_member", String(64)),
    Column("planned_start", Instant),
    Column("planned_end", Instant),
    Column("share", Float),
    Column("attempt_id", String(64)),
    Column("token", Counter, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("lost", Integer, nullable=False, server_default="0"),
    Column("not_before", Instant),
    Column("assigned_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("outputs", Json),
    Column("evidence", Json),
    Column("last_failure", Json),
    UniqueConstraint("plan_id", "key", name="task_key"),
    Index("task_of_run", "run_id", "status", "pool"),
    Index("task_of_project", "project_id", "status"),
)

DEPENDENCY = Table(
    "dependency",
    metadata,
    Column("successor", String(64), ForeignKey("task.id"), primary_key=True),
    Column("predecessor", String(64), ForeignKey("task.id"), primary_key=True),
    Column("kind", String(2), nullable=False),
    Index("dependency_forward", "predecessor"),
)

DISPATCH = Table(
    "dispatch",
    metadata,
    Column("attempt_id", String(64), primary_key=True),
    Column("task_id", String(64), ForeignKey("task.id"), nullable=False),
    _id("run_id"),
    _id("member_id"),
    Column("number", Integer, nullable=False),
    Column("token", Counter, nullable=False),
    Column("status", String(20), nullable=False),
    Column("dispatched_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("failure", String(20)),
    Index("dispatch_of_task", "task_id"),
    Index(
        "dispatch_silent",
        "sent_at",
        postgresql_where=text("status = 'sent'"),
        sqlite_where=text("status = 'sent'"),
    ),
)
"""One try at one task: sent, heard of, ended or withdrawn. Its id is the attempt's."""

SCHEDULE = Table(
    "schedule",
    metadata,
    _id("workspace_id"),
    Column("project_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("input_hash", String(64), nullable=False),
    Column("cause", Text, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Column("project_end", Instant),
    Column("moved", Integer, nullable=False),
    Column("content", Json, nullable=False),
)

TASK_CHANGE = Table(
    "task_change",
    metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    _id("workspace_id"),
    _id("project_id"),
    _id("run_id", nullable=True),
    Column("body", Json, nullable=False),
    Index("task_change_of_project", "project_id", "position"),
)
"""Changes of tasks that nobody has been told of yet; they leave together, at most four times a second a project."""
