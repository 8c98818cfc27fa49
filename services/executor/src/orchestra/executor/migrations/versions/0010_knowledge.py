"""what is known of projects"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database.types import Counter, Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KNOWN = sa.text("removed_at IS NULL")
_DUE = sa.text("embedding_due IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("position", Counter, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("task_key", sa.Text(), nullable=True),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("embedding_due", Instant(), nullable=True),
        sa.Column("embedded_by", sa.Text(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("finding_once", "finding", ["workspace_id", "project_id", "hash"], unique=True)
    op.create_index(
        "finding_page", "finding", ["workspace_id", "project_id", "id"], postgresql_where=_KNOWN, sqlite_where=_KNOWN
    )
    op.create_index("finding_due", "finding", ["embedding_due"], postgresql_where=_DUE, sqlite_where=_DUE)
    if op.get_bind().dialect.name == "postgresql":
        searched = "tsvector GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED"
        op.execute(f"ALTER TABLE finding ADD COLUMN searched {searched}")
        op.execute("CREATE INDEX finding_searched ON finding USING gin (searched)")
    else:
        # Accents count, as they do on the other database.
        op.execute("CREATE VIRTUAL TABLE finding_text USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE finding_text")
    op.drop_table("finding")
