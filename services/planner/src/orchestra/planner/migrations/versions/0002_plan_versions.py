"""plan versions that follow each other: what a plan follows, its end, and one id for each task key of a project"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEW = (
    ("follows", sa.String(length=64)),
    ("superseded_by", sa.String(length=64)),
    ("rejected_by", sa.Text()),
    ("reason", sa.Text()),
    ("ended_at", types.Instant()),
)


def upgrade() -> None:
    for name, kind in _NEW:
        op.add_column("plan", sa.Column(name, kind, nullable=True))
    _plan_tasks(sa.Column("task_id", sa.String(length=64), nullable=False))
    op.create_table(
        "task_key",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "project_id", "key"),
        sa.UniqueConstraint("task_id"),
    )
    # Until now each approved plan gave ids of its own; the newest plan's are the ones that stand.
    op.execute(
        "INSERT INTO task_key (workspace_id, project_id, key, task_id)"
        " SELECT plan.workspace_id, plan.project_id, plan_task.key, plan_task.task_id"
        " FROM plan JOIN plan_task ON plan_task.plan_id = plan.id"
        " WHERE NOT EXISTS (SELECT 1 FROM plan newer JOIN plan_task again ON again.plan_id = newer.id"
        " WHERE newer.workspace_id = plan.workspace_id AND newer.project_id = plan.project_id"
        " AND again.key = plan_task.key AND newer.version > plan.version)"
    )


def downgrade() -> None:
    op.drop_table("task_key")
    op.execute("UPDATE plan SET status = 'refused' WHERE status = 'rejected'")
    # Where a task stands in several plans, the newest keeps it: before, a task was in one plan alone.
    op.execute(
        "DELETE FROM coverage WHERE EXISTS (SELECT 1 FROM plan_task this JOIN plan mine ON mine.id = this.plan_id"
        " JOIN plan_task again ON again.task_id = this.task_id JOIN plan newer ON newer.id = again.plan_id"
        " WHERE this.plan_id = coverage.plan_id AND this.position = coverage.position"
        " AND newer.version > mine.version)"
    )
    op.execute(
        "DELETE FROM plan_task WHERE EXISTS (SELECT 1 FROM plan mine"
        " JOIN plan newer ON newer.version > mine.version"
        " JOIN plan_task again ON again.plan_id = newer.id"
        " WHERE mine.id = plan_task.plan_id AND again.task_id = plan_task.task_id)"
    )
    _plan_tasks(sa.Column("task_id", sa.String(length=64), nullable=False), sa.UniqueConstraint("task_id"))
    for name, _ in reversed(_NEW):
        op.drop_column("plan", name)


def _plan_tasks(*task_id: sa.Column[str] | sa.UniqueConstraint) -> None:
    """Make the table of planned tasks anew around this column, and with it what refers to it."""
    op.rename_table("coverage", "coverage_before")
    op.rename_table("plan_task", "plan_task_before")
    op.create_table(
        "plan_task",
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        *task_id,
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"]),
        sa.PrimaryKeyConstraint("plan_id", "position"),
    )
    op.execute("INSERT INTO plan_task SELECT plan_id, position, key, task_id FROM plan_task_before")
    op.create_table(
        "coverage",
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["plan_id", "position"], ["plan_task.plan_id", "plan_task.position"]),
        sa.PrimaryKeyConstraint("plan_id", "number", "position"),
    )
    op.execute("INSERT INTO coverage SELECT plan_id, number, position FROM coverage_before")
    op.drop_table("coverage_before")
    op.drop_table("plan_task_before")
