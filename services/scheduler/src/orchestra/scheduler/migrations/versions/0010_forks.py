"""forks: runs that go on from others, tasks that they adopt"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("forked_from", sa.String(length=64), nullable=True))
    op.add_column("task", sa.Column("adopted_from", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("task", "adopted_from")
    op.drop_column("run", "forked_from")
