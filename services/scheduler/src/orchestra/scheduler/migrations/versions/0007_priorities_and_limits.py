"""ready tasks go by priority and waiting time"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_READY = sa.text("status = 'ready'")


def upgrade() -> None:
    for name in ("priority", "rank"):
        op.add_column("task", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _order("run_id", "pool", "rank", "position")


def downgrade() -> None:
    _order("run_id", "pool", "position")
    for name in ("rank", "priority"):
        op.drop_column("task", name)


def _order(*columns: str) -> None:
    op.drop_index("task_ready", "task")
    op.create_index("task_ready", "task", list(columns), postgresql_where=_READY, sqlite_where=_READY)
