"""dependencies of four kinds, with lags"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LAGGED = sa.text("lag_minutes > 0")
COUNTING = sa.text("opens_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("task", sa.Column("watched", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("task", sa.Column("end_gated", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("task", sa.Column("performed_at", types.Instant(), nullable=True))
    op.add_column("dependency", sa.Column("lag_minutes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("dependency", sa.Column("clock", sa.String(length=8), server_default="working", nullable=False))
    op.add_column("dependency", sa.Column("opens_at", types.Instant(), nullable=True))
    op.add_column("dependency", sa.Column("opened_at", types.Instant(), nullable=True))
    _key("successor", "predecessor", "kind")
    op.create_index(
        "dependency_lagged",
        "dependency",
        ["predecessor"],
        unique=False,
        postgresql_where=LAGGED,
        sqlite_where=LAGGED,
    )
    op.create_index(
        "dependency_opens",
        "dependency",
        ["opens_at"],
        unique=False,
        postgresql_where=COUNTING,
        sqlite_where=COUNTING,
    )


def downgrade() -> None:
    op.drop_index("dependency_opens", table_name="dependency", postgresql_where=COUNTING, sqlite_where=COUNTING)
    op.drop_index("dependency_lagged", table_name="dependency", postgresql_where=LAGGED, sqlite_where=LAGGED)
    # Before this step two tasks were bound once, finish to start: of several edges the first by kind stays (FF, FS …).
    op.execute(
        sa.text(
            "DELETE FROM dependency WHERE EXISTS (SELECT 1 FROM dependency AS other"
            " WHERE other.successor = dependency.successor AND other.predecessor = dependency.predecessor"
            " AND other.kind < dependency.kind)"
        )
    )
    _key("successor", "predecessor")
    for column in ("opened_at", "opens_at", "clock", "lag_minutes"):
        op.drop_column("dependency", column)
    for column in ("performed_at", "end_gated", "watched"):
        op.drop_column("task", column)


def _key(*columns: str) -> None:
    """Make these the primary key. SQLite cannot: there the table is copied."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("dependency_pkey", "dependency", type_="primary")
        op.create_primary_key("dependency_pkey", "dependency", list(columns))
        return
    copied = sa.Table(
        "dependency",
        sa.MetaData(),
        sa.Column("successor", sa.String(length=64), sa.ForeignKey("task.id"), nullable=False),
        sa.Column("predecessor", sa.String(length=64), sa.ForeignKey("task.id"), nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("lag_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("clock", sa.String(length=8), server_default="working", nullable=False),
        sa.Column("opens_at", types.Instant(), nullable=True),
        sa.Column("opened_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint(*columns, name="dependency_pkey"),
        sa.Index("dependency_forward", "predecessor"),
    )
    with op.batch_alter_table("dependency", recreate="always", copy_from=copied):
        pass
