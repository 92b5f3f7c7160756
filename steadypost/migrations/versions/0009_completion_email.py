"""A step that is no part of the series but its last word: the completion email."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no step there is closes anything."""
    no = sa.false()
    op.add_column("steps", sa.Column("is_closing", sa.Boolean(), nullable=False, server_default=no))
