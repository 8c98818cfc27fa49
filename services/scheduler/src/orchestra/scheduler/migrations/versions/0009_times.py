"""starts, deadlines and timers"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WAITS = sa.text("not_before IS NOT NULL")
DUE = sa.text("status = 'ready' AND not_before IS NOT NULL")
COUNTS = sa.text("status = 'running' AND ends_at IS NOT NULL")
EXPIRES = sa.text("expires_at IS NOT NULL AND status IN ('blocked', 'ready', 'queued', 'running', 'waiting')")
RUN_EXPIRES = sa.text("deadline IS NOT NULL AND status IN ('accepted', 'running', 'waiting', 'paused')")
TASK_INSTANTS = ("start_at", "deadline", "ends_at", "expires_at")
RUN_INSTANTS = ("start_at", "deadline")


def upgrade() -> None:
    for name in TASK_INSTANTS:
        op.add_column("task", sa.Column(name, types.Instant(), nullable=True))
    op.add_column("task", sa.Column("wait", types.Json, nullable=True))
    for name in RUN_INSTANTS:
        op.add_column("run", sa.Column(name, types.Instant(), nullable=True))
    op.drop_index("task_waits", "task")
    op.create_index("task_due", "task", ["not_before", "run_id"], postgresql_where=DUE, sqlite_where=DUE)
    op.create_index("task_counts", "task", ["ends_at"], postgresql_where=COUNTS, sqlite_where=COUNTS)
    op.create_index("task_expires", "task", ["expires_at"], postgresql_where=EXPIRES, sqlite_where=EXPIRES)
    op.create_index("run_expires", "run", ["deadline"], postgresql_where=RUN_EXPIRES, sqlite_where=RUN_EXPIRES)


def downgrade() -> None:
    op.drop_index("run_expires", "run")
    for name in ("task_expires", "task_counts", "task_due"):
        op.drop_index(name, "task")
    op.create_index("task_waits", "task", ["run_id", "not_before"], postgresql_where=WAITS, sqlite_where=WAITS)
    for name in RUN_INSTANTS:
        op.drop_column("run", name)
    for name in (*TASK_INSTANTS, "wait"):
        op.drop_column("task", name)
