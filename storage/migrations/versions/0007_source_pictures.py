"""The pictures that turns start from, and their masks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for name in ("source_image", "mask_image"):
        op.add_column("turns", sa.Column(name, sa.String(64), nullable=True))
        op.create_index(op.f(f"ix_turns_{name}"), "turns", [name])
