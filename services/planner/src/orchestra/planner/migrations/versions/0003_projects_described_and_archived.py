"""projects described and archived"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("description", sa.Text(), server_default="", nullable=False))
    op.add_column("project", sa.Column("archived_at", types.Instant(), nullable=True))
    op.add_column("project", sa.Column("archivings", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("project", "archivings")
    op.drop_column("project", "archived_at")
    op.drop_column("project", "description")
