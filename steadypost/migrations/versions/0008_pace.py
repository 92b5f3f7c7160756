"""The lines before receiving domains with a limit, and an index on what went today."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from storage.base import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_IS_SENT = sa.text("state = 'sent'")


def upgrade() -> None:
    """Add a table and an index; no row changes."""
    op.create_table(
        "domain_lines",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("free_at", UTCDateTime(), nullable=False),
        sa.Column("gone", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_domain_lines")),
    )
    op.create_index(op.f("ix_domain_lines_free_at"), "domain_lines", ["free_at"])
    op.create_index(
        "ix_deliveries_sent",
        "deliveries",
        ["done_at"],
        sqlite_where=_IS_SENT,
        postgresql_where=_IS_SENT,
    )
