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
        "member",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("definition", types.Json, nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "workspace_id", "key", name="member_once"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("applied_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "project",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("graph_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("calendar", types.Json, nullable=True),
        sa.Column("schedule_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stale_cause", sa.Text(), nullable=True),
        sa.Column("stale_count", types.Counter, server_default="0", nullable=False),
        sa.Column("recalculated_at", types.Instant(), nullable=True),
        sa.Column("rests_until", types.Instant(), nullable=True),
        sa.Column("told_at", types.Instant(), nullable=True),
        sa.Column("sequence", types.Counter, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(
        "project_stale",
        "project",
        ["rests_until"],
        unique=False,
        postgresql_where=sa.text("stale_cause IS NOT NULL"),
        sqlite_where=sa.text("stale_cause IS NOT NULL"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sequence", types.Counter, server_default="0", nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=True),
        sa.Column("requested_by", sa.String(length=200), nullable=False),
        sa.Column("trace", sa.String(length=100), nullable=True),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "workspace_id", "plan_id", name="run_of_plan"),
    )
    op.create_index("run_open", "run", ["status"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("project_end", types.Instant(), nullable=True),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("content", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "version"),
    )
    op.create_table(
        "task_change",
        sa.Column("position", types.Counter, autoincrement=True, nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("body", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("task_change_of_project", "task_change", ["project_id", "position"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=True),
        sa.Column("covers", types.Json, nullable=False),
        sa.Column("criteria", types.Json, nullable=False),
        sa.Column("points", sa.Float(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("command", types.Json, nullable=True),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("planned_member", sa.String(length=64), nullable=True),
        sa.Column("planned_start", types.Instant(), nullable=True),
        sa.Column("planned_end", types.Instant(), nullable=True),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("token", types.Counter, server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lost", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", types.Instant(), nullable=True),
        sa.Column("assigned_at", types.Instant(), nullable=True),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("outputs", types.Json, nullable=True),
        sa.Column("evidence", types.Json, nullable=True),
        sa.Column("last_failure", types.Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["plan.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("plan_id", "key", name="task_key"),
    )
    op.create_index("task_of_project", "task", ["project_id", "status"], unique=False)
    op.create_index("task_of_run", "task", ["run_id", "status", "pool"], unique=False)
    op.create_table(
        "dependency",
        sa.Column("successor", sa.String(length=64), nullable=False),
        sa.Column("predecessor", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["predecessor"],
            ["task.id"],
        ),
        sa.ForeignKeyConstraint(
            ["successor"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("successor", "predecessor"),
    )
    op.create_index("dependency_forward", "dependency", ["predecessor"], unique=False)
    op.create_table(
        "dispatch",
        sa.Column("attempt_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("member_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", types.Counter, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("dispatched_at", types.Instant(), nullable=False),
        sa.Column("sent_at", types.Instant(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("failure", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("dispatch_of_task", "dispatch", ["task_id"], unique=False)
    op.create_index(
        "dispatch_silent",
        "dispatch",
        ["sent_at"],
        unique=False,
        postgresql_where=sa.text("status = 'sent'"),
        sqlite_where=sa.text("status = 'sent'"),
    )


def downgrade() -> None:
    op.drop_index(
        "dispatch_silent",
        table_name="dispatch",
        postgresql_where=sa.text("status = 'sent'"),
        sqlite_where=sa.text("status = 'sent'"),
    )
    op.drop_index("dispatch_of_task", table_name="dispatch")
    op.drop_table("dispatch")
    op.drop_index("dependency_forward", table_name="dependency")
    op.drop_table("dependency")
    op.drop_index("task_of_run", table_name="task")
    op.drop_index("task_of_project", table_name="task")
    op.drop_table("task")
    op.drop_index("task_change_of_project", table_name="task_change")
    op.drop_table("task_change")
    op.drop_table("schedule")
    op.drop_index("run_open", table_name="run")
    op.drop_table("run")
    op.drop_index(
        "project_stale",
        table_name="project",
        postgresql_where=sa.text("stale_cause IS NOT NULL"),
        sqlite_where=sa.text("stale_cause IS NOT NULL"),
    )
    op.drop_table("project")
    op.drop_table("plan")
    op.drop_table("member")
    step_0001.downgrade()
