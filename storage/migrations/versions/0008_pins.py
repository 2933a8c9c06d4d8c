"""What a session keeps as it is, and what alone may change."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("pins", sa.JSON(), nullable=True))
