"""The chassis tables, and one of the example's own."""

from sqlalchemy import Column, MetaData, String, Table, Text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()
add_chassis_tables(metadata)

NOTE = Table(
    "note",
    metadata,
    Column("position", Counter, primary_key=True, autoincrement=True),
    Column("text", Text, nullable=False),
    Column("trace_id", String(32)),
    Column("at", Instant, nullable=False),
    Column("content", Json),
)
