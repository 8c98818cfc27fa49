"""plans handed on after their approval"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WAITS = sa.text("approved_at IS NOT NULL AND handed_on_at IS NULL")


def upgrade() -> None:
    op.add_column("plan", sa.Column("size", sa.Integer(), nullable=True))
    op.add_column("plan", sa.Column("handed_on_at", types.Instant(), nullable=True))
    # Until now a plan was handed on as it was approved. How large one is that waits for its approval nobody has
    # counted: the loop hands it on.
    op.execute("UPDATE plan SET handed_on_at = approved_at WHERE approved_at IS NOT NULL")
    op.create_index("plan_to_hand_on", "plan", ["approved_at", "id"], postgresql_where=_WAITS, sqlite_where=_WAITS)


def downgrade() -> None:
    op.drop_index("plan_to_hand_on", "plan")
    op.drop_column("plan", "handed_on_at")
    op.drop_column("plan", "size")
