"""The tables that every service's database has, whatever else is in it."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text, text

from orchestra.chassis.database.types import Counter, Instant

_metadata = MetaData()

OUTBOX = Table(
    "outbox",
    _metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("kind", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Instant, nullable=False),
    Column("claim", String(64)),
    Column("claimed_until", Instant),
    Column("last_error", Text),
    Column("sent_at", Instant),
    Index(
        "outbox_unsent",
        "position",
        postgresql_where=text("sent_at IS NULL"),
        sqlite_where=text("sent_at IS NULL"),
    ),
    Index("outbox_sent", "sent_at"),
)
"""Events of this service: written with the state they tell of, published by the relay, kept for a window."""

INBOX = Table(
    "inbox",
    _metadata,
    Column("subscription", String(100), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)
"""What each subscription has done: a second delivery of the same event does nothing."""

LATEST = Table(
    "latest",
    _metadata,
    Column("subscription", String(100), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("sequence", Counter, nullable=False),
)
"""The highest sequence that a subscription has seen of a subject."""

EVENT_PART = Table(
    "event_part",
    _metadata,
    Column("subscription", String(100), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)
"""Parts of an event that wait for the others."""

RETRY = Table(
    "retry",
    _metadata,
    Column("subscription", String(100), primary_key=True),
    Column("event_id", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False, index=True),
    Column("reason", Text, nullable=False),
)
"""Deliveries whose trouble may pass."""

DEAD_LETTER = Table(
    "dead_letter",
    _metadata,
    Column("id", String(64), primary_key=True),
    Column("subscription", String(100), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
    Column("replayed_at", Instant),
    Index("dead_letter_once", "subscription", "event_id", unique=True),
)
"""Deliveries that cannot be handled, with the reason, until somebody replays them."""

IDEMPOTENCY = Table(
    "idempotency",
    _metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("route", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("headers", Text),
    Column("at", Instant, nullable=False, index=True),
)
"""Answers of commands by Idempotency-Key, written in the transaction of their effect."""


def add_chassis_tables(metadata: MetaData) -> None:
    """Put the chassis tables into a service's metadata, so that its migrations make them."""
    for table in _metadata.tables.values():
        table.to_metadata(metadata)
