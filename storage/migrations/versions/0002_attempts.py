"""Turns that are being drawn, or came to no picture; and what a turn was drawn with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("turns", sa.Column("provenance", sa.JSON(), nullable=True))
    op.create_index("ix_sessions_created_at", "sessions", ["created_at"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session", sa.JSON(), nullable=True),
        sa.Column("turn", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.CheckConstraint("status IN ('pending', 'failed', 'cancelled')", name="ck_attempts_status"),
        sa.CheckConstraint("(session IS NOT NULL) = (parent IS NULL)", name="ck_attempts_first"),
    )
    op.create_index("ix_attempts_session_id_number", "attempts", ["session_id", "number"])
    op.create_index("ix_attempts_status", "attempts", ["status"])
