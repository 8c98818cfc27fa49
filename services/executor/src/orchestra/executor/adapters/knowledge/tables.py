"""What the executor stores of what is known."""

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text, text

from orchestra.chassis.database.types import Counter, Instant
from orchestra.executor.adapters.tables import metadata

KNOWN = text("removed_at IS NULL")
DUE = text("embedding_due IS NOT NULL")

FINDING = Table(
    "finding",
    metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("run_id", String(64)),
    Column("task_id", String(64)),
    Column("task_key", Text),
    Column("attempt_id", String(64)),
    Column("agent", Text),
    Column("person", Text),
    Column("at", Instant, nullable=False),
    Column("removed_by", Text),
    Column("removed_at", Instant),
    Column("embedding_due", Instant),
    Column("embedded_by", Text),
    Column("embedding", LargeBinary),
    Index("finding_once", "workspace_id", "project_id", "hash", unique=True),
    Index("finding_page", "workspace_id", "project_id", "id", postgresql_where=KNOWN, sqlite_where=KNOWN),
    Index("finding_due", "embedding_due", postgresql_where=DUE, sqlite_where=DUE),
)
"""One row a text and project. One that was removed is a tombstone: its hash without its text, so that only a person
brings it back. `words` is what is searched. `embedding` is the vector by the model `embedded_by`; what is to get one is
due from an instant on.

What a database searches it by is made in the migration, and in no metadata: a generated column `searched` with its
index, or a table `finding_text` with the row's position as its rowid.
"""
