"""The last events of running turns, and the rate limits of keys, for servers that share a database."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "turn_events",
        sa.Column("log", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(16), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("is_drawing", sa.Boolean(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_turn_events"),
    )
    op.create_index("ix_turn_events_attempt_id", "turn_events", ["attempt_id"])
    op.create_table(
        "rate_limits",
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_rate_limits"),
    )
