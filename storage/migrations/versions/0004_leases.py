"""Words that wait to be interpreted, leases on turns that are being drawn, and numbers answered by another turn."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("command", sa.JSON(), nullable=True))
    op.add_column("attempts", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("receipt_key", sa.String(64), nullable=True))
    op.add_column("attempts", sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_attempts_receipt_key", "attempts", ["receipt_key"])
    op.create_table(
        "turn_aliases",
        sa.Column("session_id", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "number", name="pk_turn_aliases"),
    )
