"""The notifier's tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json
from orchestra.notifier.domain.channel import Medium

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
"""Endpoints. The secret is stored sealed where the operator has given a key, else as it signs."""

MAIL_SUBSCRIPTION = Table(
    "mail_subscription",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False, index=True),
    Column("address", String(254), nullable=False),
    Column("project_id", String(64)),
    Column("kinds", Json, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_reason", Text, nullable=False),
    Column("given_up", Integer, nullable=False),
    Column("paused_until", Instant),
)
"""Addresses that hear by mail."""

PENDING = text("status = 'pending'")


@dataclass(frozen=True)
class Tables:
    """Those of one medium. Each has its own, so that neither's load or lease has anything to do with the other's."""

    channel: Table
    delivery: Table
    tried: Table


def _tables(channel: Table, prefix: str) -> Tables:
    """A delivery's channel is the column `<channel>_id`, and `channel_id` in the code."""
    delivery = Table(
        f"{prefix}delivery",
        metadata,
        Column("id", String(64), primary_key=True),
        Column(
            f"{channel.name}_id",
            String(64),
            ForeignKey(f"{channel.name}.id", ondelete="CASCADE"),
            nullable=False,
            key="channel_id",
        ),
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
        Index(f"{prefix}delivery_once", "channel_id", "fact", unique=True),
        Index(f"{prefix}delivery_due", "due_at", postgresql_where=PENDING, sqlite_where=PENDING),
    )
    """One notice for one channel."""
    tried = Table(
        f"{prefix}delivery_try",
        metadata,
        Column("position", Counter, primary_key=True, autoincrement=True),
        Column("delivery_id", String(64), ForeignKey(delivery.c.id, ondelete="CASCADE"), nullable=False, index=True),
        Column("at", Instant, nullable=False),
        Column("status", Integer),
        Column("reason", Text, nullable=False),
        Column("took_ms", Integer, nullable=False),
    )
    """The delivery log: every try, in order."""
    return Tables(channel, delivery, tried)


TABLES: Mapping[Medium, Tables] = {"webhook": _tables(WEBHOOK, ""), "mail": _tables(MAIL_SUBSCRIPTION, "mail_")}
