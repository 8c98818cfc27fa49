"""initial"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types
from orchestra.chassis.database.steps import step_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    step_0001.upgrade()
    op.create_table(
        "artifact",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", types.Counter, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "sha256"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("token", types.Counter, nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("dispatch", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.Column("withdrawn", sa.Text(), nullable=True),
        sa.Column("accepted_at", types.Instant(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("failure", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("outputs", types.Json, nullable=True),
        sa.Column("evidence", types.Json, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "attempt_held",
        "attempt",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status IN ('leased', 'running')"),
        sqlite_where=sa.text("status IN ('leased', 'running')"),
    )
    op.create_index(
        "attempt_queued",
        "attempt",
        ["dry_run", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
        sqlite_where=sa.text("status = 'queued'"),
    )
    op.create_index("attempt_run", "attempt", ["workspace_id", "run_id", "id"], unique=False)
    op.create_index("attempt_task", "attempt", ["workspace_id", "task_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("attempt_task", table_name="attempt")
    op.drop_index("attempt_run", table_name="attempt")
    op.drop_index(
        "attempt_queued",
        table_name="attempt",
        postgresql_where=sa.text("status = 'queued'"),
        sqlite_where=sa.text("status = 'queued'"),
    )
    op.drop_index(
        "attempt_held",
        table_name="attempt",
        postgresql_where=sa.text("status IN ('leased', 'running')"),
        sqlite_where=sa.text("status IN ('leased', 'running')"),
    )
    op.drop_table("attempt")
    op.drop_table("artifact")
    step_0001.downgrade()
