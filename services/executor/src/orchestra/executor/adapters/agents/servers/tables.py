"""What the executor stores of servers of tools: those that projects have of their own."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from orchestra.chassis.database.types import Instant
from orchestra.executor.adapters.tables import metadata

TOOL_SERVER = Table(
    "tool_server",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("key_version", Integer),
    Column("data_key", LargeBinary),
    Column("secret", LargeBinary),
    Column("set_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Index("tool_server_version", "key_version"),
)
"""`secret` is its token, sealed as keys of models are; without a token these three are empty."""
