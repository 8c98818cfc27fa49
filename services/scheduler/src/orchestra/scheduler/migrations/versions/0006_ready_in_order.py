"""ready tasks are found by pool and in order, and those whose time comes, however many there are"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ready, waits = sa.text("status = 'ready'"), sa.text("not_before IS NOT NULL")
    columns = ["run_id", "pool", "position"]
    op.create_index("task_ready", "task", columns, postgresql_where=ready, sqlite_where=ready)
    op.create_index("task_waits", "task", ["run_id", "not_before"], postgresql_where=waits, sqlite_where=waits)


def downgrade() -> None:
    op.drop_index("task_waits", "task")
    op.drop_index("task_ready", "task")
