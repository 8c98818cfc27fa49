"""cancelled runs with tasks that are still to be cancelled"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("leftover", sa.Boolean(), server_default=sa.false(), nullable=False))
    left = sa.text("leftover")
    op.create_index("run_leftover", "run", ["id"], postgresql_where=left, sqlite_where=left)


def downgrade() -> None:
    op.drop_index("run_leftover", "run")
    op.drop_column("run", "leftover")
