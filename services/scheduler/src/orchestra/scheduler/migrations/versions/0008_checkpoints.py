"""checkpoints: decisions that people owe, and what they leave for further tries"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN = sa.text("status = 'open'")
DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("task", sa.Column("guidance", types.Json, nullable=True))
    op.add_column("task", sa.Column("edits", types.Json, nullable=True))
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("choices", types.Json, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("raised_at", types.Instant(), nullable=False),
        sa.Column("escalates_at", types.Instant(), nullable=True),
        sa.Column("escalated_at", types.Instant(), nullable=True),
        sa.Column("expires_at", types.Instant(), nullable=True),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("answered_by", sa.String(length=200), nullable=True),
        sa.Column("answered_at", types.Instant(), nullable=True),
        sa.Column("guidance", sa.Text(), server_default="", nullable=False),
        sa.Column("inputs", types.Json, nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("checkpoint_open", "checkpoint", ["task_id"], unique=True, postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_index("checkpoint_due", "checkpoint", ["due_at"], postgresql_where=DUE, sqlite_where=DUE)
    op.create_index("checkpoint_of_task", "checkpoint", ["task_id", "attempt"])
    op.create_index("checkpoint_of_run", "checkpoint", ["run_id", "status"])
    op.create_index("checkpoint_of_project", "checkpoint", ["project_id", "status"])
    op.create_index("checkpoint_of_workspace", "checkpoint", ["workspace_id", "id"])


def downgrade() -> None:
    op.drop_table("checkpoint")
    op.drop_column("task", "edits")
    op.drop_column("task", "guidance")
