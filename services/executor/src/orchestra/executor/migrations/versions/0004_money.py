"""money"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budget",
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("limit_micros", types.Counter, nullable=True),
        sa.Column("limit_tokens", types.Counter, nullable=True),
        sa.Column("limit_requests", types.Counter, nullable=True),
        sa.Column("limit_minutes", types.Counter, nullable=True),
        sa.Column("topped_micros", types.Counter, nullable=False),
        sa.Column("topped_tokens", types.Counter, nullable=False),
        sa.Column("topped_requests", types.Counter, nullable=False),
        sa.Column("topped_minutes", types.Counter, nullable=False),
        sa.Column("settled_micros", types.Counter, nullable=False),
        sa.Column("settled_tokens", types.Counter, nullable=False),
        sa.Column("settled_requests", types.Counter, nullable=False),
        sa.Column("settled_minutes", types.Counter, nullable=False),
        sa.Column("held_micros", types.Counter, nullable=False),
        sa.Column("held_tokens", types.Counter, nullable=False),
        sa.Column("held_requests", types.Counter, nullable=False),
        sa.Column("held_minutes", types.Counter, nullable=False),
        sa.Column("warned", sa.String(length=40), nullable=False),
        sa.Column("exhausted", sa.String(length=40), nullable=False),
        sa.Column("mended_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "budget_mended",
        "budget",
        ["mended_at"],
        unique=False,
        postgresql_where=sa.text("mended_at IS NOT NULL"),
        sqlite_where=sa.text("mended_at IS NOT NULL"),
    )
    op.create_index("budget_page", "budget", ["workspace_id", "key"], unique=False)
    op.create_table(
        "hold",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("token", types.Counter, nullable=False),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=100), nullable=False),
        sa.Column("held_micros", types.Counter, nullable=False),
        sa.Column("held_tokens", types.Counter, nullable=False),
        sa.Column("held_requests", types.Counter, nullable=False),
        sa.Column("held_minutes", types.Counter, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("until", types.Instant(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("hold_holder", "hold", ["holder"], unique=False)
    op.create_index("hold_until", "hold", ["until"], unique=False)
    op.create_index("hold_workspace", "hold", ["workspace_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("token", types.Counter, nullable=False),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=100), nullable=False),
        sa.Column("used_micros", types.Counter, nullable=False),
        sa.Column("used_tokens", types.Counter, nullable=False),
        sa.Column("used_requests", types.Counter, nullable=False),
        sa.Column("used_minutes", types.Counter, nullable=False),
        sa.Column("held_micros", types.Counter, nullable=False),
        sa.Column("held_tokens", types.Counter, nullable=False),
        sa.Column("held_requests", types.Counter, nullable=False),
        sa.Column("held_minutes", types.Counter, nullable=False),
        sa.Column("input_tokens", types.Counter, nullable=False),
        sa.Column("output_tokens", types.Counter, nullable=False),
        sa.Column("cache_read_tokens", types.Counter, nullable=False),
        sa.Column("cache_write_tokens", types.Counter, nullable=False),
        sa.Column("price_version", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("exceeded", sa.Boolean(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("held_at", types.Instant(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hold_id"),
    )
    op.create_index("ledger_day", "ledger", ["workspace_id", "day"], unique=False)
    op.create_index(
        "ledger_over",
        "ledger",
        ["at"],
        unique=False,
        postgresql_where=sa.text("exceeded"),
        sqlite_where=sa.text("exceeded"),
    )
    op.create_index("ledger_page", "ledger", ["workspace_id", "id"], unique=False)
    op.create_index("ledger_project", "ledger", ["workspace_id", "project_id", "id"], unique=False)
    op.create_index("ledger_run", "ledger", ["workspace_id", "run_id", "id"], unique=False)
    op.create_index("ledger_task", "ledger", ["workspace_id", "task_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ledger_task", table_name="ledger")
    op.drop_index("ledger_run", table_name="ledger")
    op.drop_index("ledger_project", table_name="ledger")
    op.drop_index("ledger_page", table_name="ledger")
    op.drop_index(
        "ledger_over", table_name="ledger", postgresql_where=sa.text("exceeded"), sqlite_where=sa.text("exceeded")
    )
    op.drop_index("ledger_day", table_name="ledger")
    op.drop_table("ledger")
    op.drop_index("hold_workspace", table_name="hold")
    op.drop_index("hold_until", table_name="hold")
    op.drop_index("hold_holder", table_name="hold")
    op.drop_table("hold")
    op.drop_index("budget_page", table_name="budget")
    op.drop_index(
        "budget_mended",
        table_name="budget",
        postgresql_where=sa.text("mended_at IS NOT NULL"),
        sqlite_where=sa.text("mended_at IS NOT NULL"),
    )
    op.drop_table("budget")
