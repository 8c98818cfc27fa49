"""people and their log"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "role",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("declared_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "project_id", "name"),
    )
    op.create_table(
        "task_log",
        sa.Column("position", types.Counter, autoincrement=True, nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("before", sa.String(length=20), nullable=False),
        sa.Column("after", sa.String(length=20), nullable=False),
        sa.Column("member_id", sa.String(length=64), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("task_log_of_project", "task_log", ["project_id", "position"], unique=False)
    op.create_index("task_log_of_task", "task_log", ["task_id", "position"], unique=False)
    op.add_column("member", sa.Column("reasons", types.Json, nullable=True))
    op.add_column("project", sa.Column("people_choose", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("project", sa.Column("archived_at", types.Instant(), nullable=True))
    op.add_column("project", sa.Column("archivings", sa.Integer(), server_default="0", nullable=False))
    op.add_column("task", sa.Column("declined", types.Json, nullable=True))
    op.add_column("task", sa.Column("progress", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("task", "progress")
    op.drop_column("task", "declined")
    op.drop_column("project", "archivings")
    op.drop_column("project", "archived_at")
    op.drop_column("project", "people_choose")
    op.drop_column("member", "reasons")
    op.drop_index("task_log_of_task", table_name="task_log")
    op.drop_index("task_log_of_project", table_name="task_log")
    op.drop_table("task_log")
    op.drop_table("role")
