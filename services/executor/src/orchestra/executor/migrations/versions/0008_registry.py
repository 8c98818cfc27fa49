"""agents: who they are, and what they have done"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_HEARD = sa.text("told = 'active' AND outside")


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("kinds", types.Json, nullable=False),
        sa.Column("capabilities", types.Json, nullable=False),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("tools", types.Json, nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("heartbeat_at", types.Instant(), nullable=True),
        sa.Column("told", sa.String(length=16), nullable=True),
        sa.Column("passed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "name"),
    )
    op.create_index("agent_heard", "agent", ["heartbeat_at"], postgresql_where=_HEARD, sqlite_where=_HEARD)
    op.create_table(
        "agent_result",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("done", types.Counter, nullable=False),
        sa.Column("partial", types.Counter, nullable=False),
        sa.Column("failed", types.Counter, nullable=False),
        sa.Column("gaps", types.Counter, nullable=False),
        sa.Column("success", sa.Float(precision=53), nullable=False),
        sa.Column("quality", sa.Float(precision=53), nullable=False),
        sa.Column("degraded", sa.Boolean(), nullable=False),
        sa.Column("cost_micros", types.Counter, nullable=False),
        sa.Column("duration_ms", types.Counter, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "agent", "kind"),
    )


def downgrade() -> None:
    op.drop_table("agent_result")
    op.drop_index("agent_heard", table_name="agent")
    op.drop_table("agent")
