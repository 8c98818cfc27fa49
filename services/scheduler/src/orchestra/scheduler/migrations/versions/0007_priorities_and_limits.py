"""ready tasks go by priority and waiting time, under limits and mutexes"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEPT_BACK = sa.text("waits_since IS NOT NULL")
_READY = sa.text("status = 'ready'")


def upgrade() -> None:
    for name in ("priority", "rank"):
        op.add_column("task", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _order("run_id", "pool", "rank", "position")
    op.add_column("run", sa.Column("waits_since", types.Instant(), nullable=True))
    op.create_index("run_kept_back", "run", ["workspace_id"], postgresql_where=_KEPT_BACK, sqlite_where=_KEPT_BACK)
    op.create_table(
        "admission_limit",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("starts", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "scope", "name"),
    )
    op.create_table(
        "admission_start",
        sa.Column("attempt_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", "scope"),
    )
    op.create_index("admission_start_of", "admission_start", ["workspace_id", "scope", "name", "at"])
    op.create_table(
        "mutex",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token", types.Counter, server_default="0", nullable=False),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("since", types.Instant(), nullable=True),
        sa.Column("until", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "name"),
    )
    op.create_index("mutex_of_attempt", "mutex", ["attempt_id"])


def downgrade() -> None:
    for name in ("mutex", "admission_start", "admission_limit"):
        op.drop_table(name)
    op.drop_index("run_kept_back", "run")
    op.drop_column("run", "waits_since")
    _order("run_id", "pool", "position")
    for name in ("rank", "priority"):
        op.drop_column("task", name)


def _order(*columns: str) -> None:
    op.drop_index("task_ready", "task")
    op.create_index("task_ready", "task", list(columns), postgresql_where=_READY, sqlite_where=_READY)
