"""The notifier's tables."""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()
add_chassis_tables(metadata)

WEBHOOK = Table(
    "webhook",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("kinds", Json, nullable=False),
    Column("description", Text, nullable=False),
    Column("secret", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_reason", Text, nullable=False),
    Column("given_up", Integer, nullable=False),
    Column("paused_until", Instant),
)
"""Endpoints. The secret is stored as it signs."""

PENDING = text("status = 'pending'")

DELIVERY = Table(
    "delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook_id", String(64), ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    Column("workspace_id", String(64), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("fact", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("status", String(20), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("ended_at", Instant, index=True),
    Column("lease", String(64)),
    Column("leased_until", Instant),
    Index("delivery_once", "webhook_id", "fact", unique=True),
    Index("delivery_due", "due_at", postgresql_where=PENDING, sqlite_where=PENDING),
)
"""One notice for one webhook."""

DELIVERY_TRY = Table(
    "delivery_try",
    metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    Column("delivery_id", String(64), ForeignKey("delivery.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
    Column("took_ms", Integer, nullable=False),
)
"""The delivery log: every try, in order."""
