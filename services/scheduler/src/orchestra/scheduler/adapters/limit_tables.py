"""Tables of limits and mutexes."""

from sqlalchemy import Column, Index, Integer, String, Table

from orchestra.chassis.database.types import Counter, Instant
from orchestra.scheduler.adapters.tables import metadata

ADMISSION_LIMIT = Table(
    "admission_limit",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("scope", String(20), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("concurrency", Integer),
    Column("starts", Integer),
    Column("seconds", Integer),
)
"""What a workspace lets go out at a time. Its rows are the lock under which commands of a limited workspace go out."""

ADMISSION_START = Table(
    "admission_start",
    metadata,
    Column("attempt_id", String(64), primary_key=True),
    Column("scope", String(20), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index("admission_start_of", "workspace_id", "scope", "name", "at"),
)
"""What has gone out under a limit of starts, as long as it counts."""

MUTEX = Table(
    "mutex",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("token", Counter, nullable=False, server_default="0"),
    Column("attempt_id", String(64)),
    Column("task_id", String(64)),
    Column("since", Instant),
    Column("until", Instant),
    Index("mutex_of_attempt", "attempt_id"),
)
"""A mutex that was taken at least once: it keeps its token for good."""
