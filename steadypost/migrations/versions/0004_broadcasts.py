"""Broadcasts: their table, their deliveries, and revisions that belong to no step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.base import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATUSES = ("draft", "scheduled", "sending", "sent", "held", "cancelled")


def upgrade() -> None:
    """Add what broadcasts need; nothing that is there changes."""
    _create_broadcasts()
    with op.batch_alter_table("revisions") as revisions:
        revisions.alter_column("step_id", existing_type=_ROW_ID, nullable=True)
        revisions.add_column(sa.Column("broadcast_id", _ROW_ID, nullable=True))
        revisions.create_foreign_key(
            "fk_revisions_broadcast_id", "broadcasts", ["broadcast_id"], ["id"]
        )
        revisions.create_unique_constraint(
            "uq_revisions_broadcast_id_digest", ["broadcast_id", "digest"]
        )
    # Not in a batch: that would copy every delivery there is.
    op.add_column("deliveries", sa.Column("broadcast_id", _ROW_ID, nullable=True))
    op.create_index(
        "ix_deliveries_broadcast",
        "deliveries",
        ["broadcast_id", "state"],
        sqlite_where=sa.text("broadcast_id IS NOT NULL"),
        postgresql_where=sa.text("broadcast_id IS NOT NULL"),
    )


def _create_broadcasts() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("list_id", _ROW_ID, nullable=False),
        sa.Column("theme", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("grace_hours", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(*_STATUSES, name="broadcaststatus", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision_id", _ROW_ID, nullable=True),
        sa.Column("begins_at", UTCDateTime(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("hour", sa.Integer(), nullable=True),
        sa.Column("released_at", UTCDateTime(), nullable=True),
        sa.Column("queued_to", _ROW_ID, nullable=False),
        sa.Column("queued_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_broadcasts_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
        sa.UniqueConstraint("slug", name=op.f("uq_broadcasts_slug")),
        sqlite_autoincrement=True,
    )
