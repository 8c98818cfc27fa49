"""tasks that are in the hands of members are found without a look at the others"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    in_hand = sa.text("status IN ('assigned', 'queued', 'running', 'waiting')")
    op.create_index("task_in_hand", "task", ["project_id", "assignee"], postgresql_where=in_hand, sqlite_where=in_hand)


def downgrade() -> None:
    op.drop_index("task_in_hand", "task")
