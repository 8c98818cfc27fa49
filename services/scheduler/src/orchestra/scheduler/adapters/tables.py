"""The scheduler's tables: the work graph, its runs, the people, the schedule."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json, LargeJson

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
    Column("people_choose", Boolean, nullable=False, server_default=text("false")),
    Column("archived_at", Instant),
    Column("archivings", Integer, nullable=False, server_default="0"),
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
    Column("reasons", Json),
    UniqueConstraint("project_id", "workspace_id", "key", name="member_once"),
)

ROLE = Table(
    "role",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("declared_at", Instant, nullable=False),
)
"""Roles that were declared; those that members have or tasks need exist without it."""

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

_KEPT_BACK = text("waits_since IS NOT NULL")
LEFTOVER = text("leftover")
RUN_EXPIRES = text("deadline IS NOT NULL AND status IN ('accepted', 'running', 'waiting', 'paused')")
# A partial index serves only a query that repeats its condition word for word; a bound value would not do.

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
    Column("waits_since", Instant),
    Column("start_at", Instant),
    Column("deadline", Instant),
    _id("forked_from", nullable=True),
    Column("leftover", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("project_id", "workspace_id", "plan_id", name="run_of_plan"),
    Index("run_open", "status"),
    Index("run_kept_back", "workspace_id", postgresql_where=_KEPT_BACK, sqlite_where=_KEPT_BACK),
    Index("run_leftover", "id", postgresql_where=LEFTOVER, sqlite_where=LEFTOVER),
    Index("run_expires", "deadline", postgresql_where=RUN_EXPIRES, sqlite_where=RUN_EXPIRES),
)
"""One execution of an approved plan; a plan has at most one, which may be reopened.

`leftover`: it was cancelled, and tasks that had not begun are still to be.
"""

_RENEWED = text("newer IS NOT NULL OR retired")
READY = text("status = 'ready'")
IN_HAND = text("status IN ('assigned', 'queued', 'running', 'waiting')")
"""In the hands of a member. As a text it is the condition of an index, which a statement with parameters is not."""
DUE = text("status = 'ready' AND not_before IS NOT NULL")
COUNTS = text("status = 'running' AND ends_at IS NOT NULL")
EXPIRES = text("expires_at IS NOT NULL AND status IN ('blocked', 'ready', 'queued', 'running', 'waiting')")

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
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("rank", Integer, nullable=False, server_default="0"),
    Column("command", Json),
    Column("start_at", Instant),
    Column("deadline", Instant),
    Column("wait", Json),
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
    Column("watched", Boolean, nullable=False, server_default=text("false")),
    Column("end_gated", Boolean, nullable=False, server_default=text("false")),
    Column("not_before", Instant),
    Column("ends_at", Instant),
    Column("expires_at", Instant),
    Column("paused_by", String(200)),
    Column("assigned_at", Instant),
    Column("started_at", Instant),
    Column("performed_at", Instant),
    Column("ended_at", Instant),
    Column("outputs", Json),
    Column("evidence", Json),
    Column("last_failure", Json),
    Column("declined", Json),
    Column("progress", Integer),
    Column("newer", Json),
    Column("retired", Boolean, nullable=False, server_default=text("false")),
    Column("guidance", Json),
    Column("edits", Json),
    Column("dialogue", Json),
    _id("adopted_from", nullable=True),
    UniqueConstraint("plan_id", "key", name="task_key"),
    Index("task_renewed", "run_id", postgresql_where=_RENEWED, sqlite_where=_RENEWED),
    Index("task_of_run", "run_id", "status", "pool"),
    Index("task_ready", "run_id", "pool", "rank", "position", postgresql_where=READY, sqlite_where=READY),
    Index("task_in_hand", "project_id", "assignee", postgresql_where=IN_HAND, sqlite_where=IN_HAND),
    Index("task_due", "not_before", "run_id", postgresql_where=DUE, sqlite_where=DUE),
    Index("task_counts", "ends_at", postgresql_where=COUNTS, sqlite_where=COUNTS),
    Index("task_expires", "expires_at", postgresql_where=EXPIRES, sqlite_where=EXPIRES),
    Index("task_of_project", "project_id", "status"),
)
"""A task keeps its row through all versions of its plan; `plan_id` is the newest that has it.

`newer` is what a plan says of it that came after it was started, and what a further try goes by. `retired`: the plan
that stands has it no longer. `rank` orders ready tasks, the lowest first: the minute in which it became ready, less its
priority. So whoever waits longer gets ahead of a higher priority at last, and no order ever has to be worked out anew.
`not_before`: when it may be given out, at first its `start_at`, later the end of the pause before a further try; gone
once that has come. `ends_at`: of a timer that counts. `expires_at`: when the deadline of a command takes effect; gone
where a person has it tried again after that.
"""

DEPENDENCY = Table(
    "dependency",
    metadata,
    _id("successor"),
    _id("predecessor"),
    Column("kind", String(2), nullable=False),
    Column("lag_minutes", Integer, nullable=False, server_default="0"),
    Column("clock", String(8), nullable=False, server_default="working"),
    Column("opens_at", Instant),
    Column("opened_at", Instant),
    PrimaryKeyConstraint("successor", "predecessor", "kind", name="dependency_pkey"),
    Index("dependency_forward", "predecessor"),
    Index(
        "dependency_lagged",
        "predecessor",
        postgresql_where=text("lag_minutes > 0"),
        sqlite_where=text("lag_minutes > 0"),
    ),
    Index(
        "dependency_opens",
        "opens_at",
        postgresql_where=text("opens_at IS NOT NULL"),
        sqlite_where=text("opens_at IS NOT NULL"),
    ),
)
"""One edge of the graph. Only a lag is counted in the row: `opens_at` while it runs, `opened_at` when it is over.

Its ends are no foreign keys: both are checked in memory before the graph is written, no task is ever deleted, and to
look each of them up again took the database longer than all else of a large plan.
"""

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
    Column("content", LargeJson, nullable=False),
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

TASK_LOG = Table(
    "task_log",
    metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    _id("workspace_id"),
    _id("project_id"),
    _id("task_id"),
    _id("run_id", nullable=True),
    Column("kind", String(20), nullable=False),
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    _id("member_id", nullable=True),
    Column("percent", Integer),
    Column("text", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Index("task_log_of_task", "task_id", "position"),
    Index("task_log_of_project", "project_id", "position"),
)
"""What became of tasks, written in the transaction in which it did. Rows are added, never changed or removed."""
