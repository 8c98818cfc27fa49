"""The gateway's tables."""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()
add_chassis_tables(metadata)

WORKSPACE = Table(
    "workspace",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("feed_sequence", Counter, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
)
"""Tenants. Who writes to a workspace's feed holds its row, so its sequence has no gap and commits in order."""

API_KEY = Table(
    "api_key",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspace.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("grants", Json, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Index("api_key_of_workspace", "workspace_id", "id"),
)

OPERATION = Table(
    "operation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspace.id"), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("plan_id", String(64), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("requested_by", String(300), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

FEED = Table(
    "feed",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspace.id"), primary_key=True),
    Column("sequence", Counter, primary_key=True, autoincrement=False),
    Column("kind", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("run_id", String(64)),
    Column("data", Json, nullable=False),
    Index("feed_of_run", "workspace_id", "run_id", "sequence"),
)

BROKER_USER = Table(
    "broker_user",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspace.id"), nullable=False),
    Column("kinds", Json, nullable=False),
)

INBOUND_MESSAGE = Table(
    "inbound_message",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), ForeignKey("workspace.id")),
    Column("user", String(255)),
    Column("routing_key", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("source", String(255), nullable=False),
    Column("event_id", String(255), nullable=False),
    Column("kind", String(255), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("reason", String(100)),
    Column("detail", Text),
    Column("plan_id", String(64)),
    Column("at", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Index("inbound_of_workspace", "workspace_id", "id"),
    Index("inbound_by_stamp", "workspace_id", "source", "event_id"),
)
"""What came through the inbound door, accepted or refused. The body itself is not kept."""
