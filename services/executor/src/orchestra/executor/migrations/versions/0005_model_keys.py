"""keys of projects for providers of models"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_key",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", types.Instant(), nullable=False),
        sa.Column("last_used_at", types.Instant()),
        sa.PrimaryKeyConstraint("workspace_id", "project_id", "provider"),
    )
    op.create_index("model_key_version", "model_key", ["key_version"])


def downgrade() -> None:
    op.drop_table("model_key")
