"""dependencies refer to tasks without foreign keys"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ENDS = ("successor", "predecessor")
LAGGED = sa.text("lag_minutes > 0")
COUNTING = sa.text("opens_at IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for end in ENDS:
            op.drop_constraint(f"dependency_{end}_fkey", "dependency", type_="foreignkey")
        return
    _copy()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for end in ENDS:
            op.create_foreign_key(f"dependency_{end}_fkey", "dependency", "task", [end], ["id"])
        return
    _copy(sa.ForeignKey("task.id"), sa.ForeignKey("task.id"))


def _copy(*keys: sa.ForeignKey) -> None:
    """SQLite cannot change a constraint: the table is copied."""
    copied = sa.Table(
        "dependency",
        sa.MetaData(),
        sa.Column("successor", sa.String(length=64), *keys[:1], nullable=False),
        sa.Column("predecessor", sa.String(length=64), *keys[1:], nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("lag_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("clock", sa.String(length=8), server_default="working", nullable=False),
        sa.Column("opens_at", types.Instant(), nullable=True),
        sa.Column("opened_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("successor", "predecessor", "kind", name="dependency_pkey"),
        sa.Index("dependency_forward", "predecessor"),
        sa.Index("dependency_lagged", "predecessor", sqlite_where=LAGGED),
        sa.Index("dependency_opens", "opens_at", sqlite_where=COUNTING),
    )
    with op.batch_alter_table("dependency", recreate="always", copy_from=copied):
        pass
