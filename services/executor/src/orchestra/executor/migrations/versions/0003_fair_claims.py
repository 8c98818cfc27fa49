"""queued attempts are found by workspace"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_QUEUED = sa.text("status = 'queued'")


def upgrade() -> None:
    columns = ["dry_run", "workspace_id", "id"]
    op.create_index("attempt_turns", "attempt", columns, postgresql_where=_QUEUED, sqlite_where=_QUEUED)


def downgrade() -> None:
    op.drop_index("attempt_turns", "attempt")
