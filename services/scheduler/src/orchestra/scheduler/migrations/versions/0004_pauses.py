"""tasks that somebody has paused"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("paused_by", sa.String(length=200), nullable=True))


def downgrade() -> None:
    op.drop_column("task", "paused_by")
