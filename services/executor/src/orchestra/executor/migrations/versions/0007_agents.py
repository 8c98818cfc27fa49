"""attempts of agents: a kind of their own, the journal of their tools"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database.types import Instant, Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_QUEUED = sa.text("status = 'queued'")
_BEGUN = sa.text("status = 'begun'")


def _index(name: str, *columns: str) -> None:
    op.create_index(name, "attempt", columns, postgresql_where=_QUEUED, sqlite_where=_QUEUED)


def upgrade() -> None:
    op.add_column("attempt", sa.Column("kind", sa.String(length=16), server_default="command", nullable=False))
    op.add_column("attempt", sa.Column("agent", sa.String(length=64), nullable=True))
    op.drop_index("attempt_queued", "attempt")
    op.drop_index("attempt_turns", "attempt")
    _index("attempt_queued", "dry_run", "kind", "id")
    _index("attempt_turns", "dry_run", "kind", "workspace_id", "id")
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("conversation_task", "conversation", ["task_id"])
    op.create_table(
        "tool_call",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("attempt_id", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("tool", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("approval", sa.String(length=64), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("effected", Json, nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tool_call_place", "tool_call", ["conversation", "place", "id"])
    op.create_index("tool_call_attempt", "tool_call", ["workspace_id", "attempt_id", "id"])
    op.create_index("tool_call_task", "tool_call", ["task_id", "id"])
    op.create_index("tool_call_begun", "tool_call", ["key"], postgresql_where=_BEGUN, sqlite_where=_BEGUN)
    op.create_table(
        "used_approval",
        sa.Column("checkpoint_id", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_id"),
    )


def downgrade() -> None:
    for table in ("used_approval", "tool_call", "conversation"):
        op.drop_table(table)
    op.drop_index("attempt_queued", "attempt")
    op.drop_index("attempt_turns", "attempt")
    _index("attempt_queued", "dry_run", "id")
    _index("attempt_turns", "dry_run", "workspace_id", "id")
    op.drop_column("attempt", "agent")
    op.drop_column("attempt", "kind")
