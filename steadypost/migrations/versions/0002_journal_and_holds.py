"""The journal of a worker, facts about the site, holds, and how much was queued each day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from storage.base import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CAUSES = (
    *("paused", "restored", "clock", "disk", "surge", "login", "relay down", "policy"),
    "template",
)


def upgrade() -> None:
    """Add three tables and a column."""
    op.add_column(
        "workers",
        sa.Column("journal", sa.String(length=80), server_default="", nullable=False),
    )
    op.create_table(
        "site_facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site_facts")),
    )
    op.create_table(
        "daily_volumes",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_volumes")),
    )
    create_holds()


def create_holds() -> None:
    """Create the table of holds: one of a kind may be open at a time."""
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "cause", sa.Enum(*_CAUSES, name="cause", native_enum=False, length=32), nullable=False
        ),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("released_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sqlite_autoincrement=True,
    )
    is_open = sa.text("released_at IS NULL")
    op.create_index(
        "uq_holds_open",
        "holds",
        ["cause", "subject"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
