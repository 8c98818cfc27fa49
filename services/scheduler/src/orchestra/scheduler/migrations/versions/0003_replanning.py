"""replanning: what a newer plan says of tasks that were started before it came"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RENEWED = sa.text("newer IS NOT NULL OR retired")


def upgrade() -> None:
    op.add_column("task", sa.Column("newer", types.Json, nullable=True))
    op.add_column("task", sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index("task_renewed", "task", ["run_id"], unique=False, postgresql_where=RENEWED, sqlite_where=RENEWED)


def downgrade() -> None:
    op.drop_index("task_renewed", table_name="task", postgresql_where=RENEWED, sqlite_where=RENEWED)
    op.drop_column("task", "retired")
    op.drop_column("task", "newer")
