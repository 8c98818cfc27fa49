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
        "completion",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "task_id"),
    )
    op.create_table(
        "project",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan_versions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("document_name", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.Column("faults", sa.Text(), server_default="[]", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("planned_at", types.Instant(), nullable=True),
        sa.Column("approved_at", types.Instant(), nullable=True),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["project.workspace_id", "project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "project_id", "version", name="plan_version"),
    )
    op.create_index("plan_of_project", "plan", ["workspace_id", "project_id", "id"], unique=False)
    op.create_index(
        "plan_requested",
        "plan",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'requested'"),
        sqlite_where=sa.text("status = 'requested'"),
    )
    op.create_index(
        "plan_standing",
        "plan",
        ["workspace_id", "project_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('approved', 'applied')"),
        sqlite_where=sa.text("status IN ('approved', 'applied')"),
    )
    op.create_table(
        "requirement",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("section", types.Json, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("first_version", sa.Integer(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["project.workspace_id", "project.id"],
        ),
        sa.PrimaryKeyConstraint("workspace_id", "project_id", "number"),
    )
    op.create_table(
        "plan_task",
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plan.id"],
        ),
        sa.PrimaryKeyConstraint("plan_id", "position"),
        sa.UniqueConstraint("task_id"),
    )
    op.create_table(
        "coverage",
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "position"],
            ["plan_task.plan_id", "plan_task.position"],
        ),
        sa.PrimaryKeyConstraint("plan_id", "number", "position"),
    )


def downgrade() -> None:
    op.drop_table("coverage")
    op.drop_table("plan_task")
    op.drop_table("requirement")
    op.drop_index(
        "plan_standing",
        table_name="plan",
        postgresql_where=sa.text("status IN ('approved', 'applied')"),
        sqlite_where=sa.text("status IN ('approved', 'applied')"),
    )
    op.drop_index(
        "plan_requested",
        table_name="plan",
        postgresql_where=sa.text("status = 'requested'"),
        sqlite_where=sa.text("status = 'requested'"),
    )
    op.drop_index("plan_of_project", table_name="plan")
    op.drop_table("plan")
    op.drop_table("project")
    op.drop_table("completion")
    step_0001.downgrade()
