"""What the executor stores: attempts, and which workspace knows which artifact."""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text, text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()

QUEUED = text("status = 'queued'")
HELD = text("status IN ('leased', 'running')")
# A partial index serves only a query that repeats its condition word for word; a bound value would not do.

ATTEMPT = Table(
    "attempt",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("run_id", String(64)),
    Column("number", Integer),
    Column("token", Counter),
    Column("dry_run", Boolean, nullable=False),
    Column("dispatch", Text),
    Column("trace", Text),
    Column("status", String(16), nullable=False),
    Column("lease_owner", String(200)),
    Column("lease_until", Instant),
    Column("withdrawn", Text),
    Column("accepted_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("failure", String(16)),
    Column("reason", Text),
    Column("outputs", Json),
    Column("evidence", Json),
    Index("attempt_queued", "dry_run", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
    Index("attempt_turns", "dry_run", "workspace_id", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
    Index("attempt_held", "lease_until", postgresql_where=HELD, sqlite_where=HELD),
    Index("attempt_run", "workspace_id", "run_id", "id"),
    Index("attempt_task", "workspace_id", "task_id", "id"),
)
"""One row an attempt.

`dispatch` is the TaskDispatched that asked for it, as JSON text: it is read only as a whole. A row without one is the
tombstone of a dispatch that was withdrawn before it came. `withdrawn` is the reason of a withdrawal. `lease_owner`
stays after the end, so that one sees who performed it.
"""

ENDED_RUN = Table(
    "ended_run",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Tombstones of runs that were cancelled: of such a run nothing is begun, whenever its dispatches arrive."""

ARTIFACT = Table(
    "artifact",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size", Counter, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Which workspace knows which content. The content itself is stored once, whoever knows it."""

add_chassis_tables(metadata)
