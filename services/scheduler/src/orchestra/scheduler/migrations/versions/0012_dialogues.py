"""dialogues: what agents ask, what they are told, what they leave for their next attempt"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("dialogue", types.Json, nullable=True))
    op.add_column("checkpoint", sa.Column("asks", types.Json, nullable=True))
    op.add_column("checkpoint", sa.Column("said", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("checkpoint", "said")
    op.drop_column("checkpoint", "asks")
    op.drop_column("task", "dialogue")
