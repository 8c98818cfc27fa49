"""initial"""

from alembic import op
from libs.chassis.tests.example.tables import NOTE

from orchestra.chassis.database.steps import step_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    step_0001.upgrade()
    NOTE.create(op.get_bind())


def downgrade() -> None:
    NOTE.drop(op.get_bind())
    step_0001.downgrade()
