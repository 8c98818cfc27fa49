"""mail subscriptions, and deliveries of their own"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    op.create_table(
        "mail_subscription",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("kinds", types.Json, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("disabled_at", types.Instant(), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=False),
        sa.Column("given_up", sa.Integer(), nullable=False),
        sa.Column("paused_until", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_mail_subscription_workspace_id"), "mail_subscription", ["workspace_id"], unique=False)
    op.create_table(
        "mail_delivery",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("mail_subscription_id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("fact", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("leased_until", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["mail_subscription_id"], ["mail_subscription.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "mail_delivery_due",
        "mail_delivery",
        ["due_at"],
        unique=False,
        postgresql_where=PENDING,
        sqlite_where=PENDING,
    )
    op.create_index("mail_delivery_once", "mail_delivery", ["mail_subscription_id", "fact"], unique=True)
    op.create_index(op.f("ix_mail_delivery_ended_at"), "mail_delivery", ["ended_at"], unique=False)
    op.create_table(
        "mail_delivery_try",
        sa.Column("position", types.Counter, autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["mail_delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index(op.f("ix_mail_delivery_try_delivery_id"), "mail_delivery_try", ["delivery_id"], unique=False)


def downgrade() -> None:
    op.drop_table("mail_delivery_try")
    op.drop_table("mail_delivery")
    op.drop_table("mail_subscription")
