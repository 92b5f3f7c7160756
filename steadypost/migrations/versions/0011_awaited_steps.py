"""Which steps somebody waits for: they go before what was only due earlier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark, and the index that finds the few that have it."""
    op.add_column(
        "deliveries",
        sa.Column("is_awaited", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_deliveries_awaited",
        "deliveries",
        ["due_at", "id"],
        sqlite_where=sa.text("state = 'queued' AND is_awaited = 1"),
        postgresql_where=sa.text("state = 'queued' AND is_awaited"),
    )
