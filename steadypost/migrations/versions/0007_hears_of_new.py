"""Whether somebody who finished a series wants what is appended to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column in which nobody has said anything yet."""
    op.add_column("enrolments", sa.Column("hears_of_new", sa.Boolean(), nullable=True))
