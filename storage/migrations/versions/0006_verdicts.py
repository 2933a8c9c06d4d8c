"""Verdicts on exclusions, how a session is verified, and pictures that are drawn and not yet verified."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("verification", sa.JSON(), nullable=True))
    op.add_column("exclusions", sa.Column("verdict", sa.Text(), nullable=True))
    op.add_column("exclusions", sa.Column("judge", sa.Text(), nullable=True))
    op.add_column("exclusions", sa.Column("probability", sa.Double(), nullable=True))
    op.add_column("attempts", sa.Column("drawn", sa.String(64), nullable=True))
