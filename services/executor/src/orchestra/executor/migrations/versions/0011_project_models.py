"""models that projects have chosen"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project_model",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("choice", sa.String(length=200), nullable=False),
        sa.Column("set_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "project_id"),
    )


def downgrade() -> None:
    op.drop_table("project_model")
