"""servers of tools that projects have of their own"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tool_server",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("key_version", sa.Integer()),
        sa.Column("data_key", sa.LargeBinary()),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("set_at", types.Instant(), nullable=False),
        sa.Column("last_used_at", types.Instant()),
        sa.PrimaryKeyConstraint("workspace_id", "project_id", "name"),
    )
    op.create_index("tool_server_version", "tool_server", ["key_version"])


def downgrade() -> None:
    op.drop_table("tool_server")
