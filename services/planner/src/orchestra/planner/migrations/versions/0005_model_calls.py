"""plans made by a model: the calls that are asked for"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database.types import Counter, Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("waits_for", sa.String(length=64), nullable=True))
    op.create_table(
        "model_call",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("faults", sa.Text(), server_default="[]", nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("cost_micros", Counter, server_default="0", nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"]),
        sa.UniqueConstraint("plan_id", "round", name="model_call_round"),
    )


def downgrade() -> None:
    op.drop_table("model_call")
    op.drop_column("plan", "waits_for")
