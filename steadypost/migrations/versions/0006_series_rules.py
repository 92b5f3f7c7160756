"""Pauses, conditions, exit rules, skips, events, staggered starts, and edits that can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from storage.base import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add columns that change nothing until somebody uses them, and three tables."""
    add_columns()
    add_skipped_steps()
    add_series_edits()
    add_events()


def add_columns() -> None:
    """Add to series, steps and enrolments; SQLite adds these without copying the table."""
    moments = {
        "series": ("paused_at", "resumed_at", "newcomers_since"),
        "enrolments": ("starts_at", "asked_at"),
    }
    for table, names in moments.items():
        for name in names:
            op.add_column(table, sa.Column(name, UTCDateTime(), nullable=True))
    for table, name in (("series", "exit_rule"), ("steps", "condition")):
        op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "series",
        sa.Column("sends_new_to_finished", sa.Boolean(), nullable=False, server_default=sa.true()),
    )


def add_skipped_steps() -> None:
    """Keep what was left out for whom, and why."""
    op.create_table(
        "skipped_steps",
        sa.Column("enrolment_id", _ROW_ID, nullable=False),
        sa.Column("step_id", _ROW_ID, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts_from", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["enrolments.id"],
            name=op.f("fk_skipped_steps_enrolment_id_enrolments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "step_id", name=op.f("pk_skipped_steps")),
    )


def add_series_edits() -> None:
    """Keep what a series was before each edit."""
    op.create_table(
        "series_edits",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("series_id", _ROW_ID, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("before", _JSON, nullable=False),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_series_edits_series_id_series")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_edits")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_series_edits_series_id"), "series_edits", ["series_id"])


def add_events() -> None:
    """Keep when each thing last happened to a person."""
    op.create_table(
        "subscriber_events",
        sa.Column("subscriber_id", _ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_subscriber_events_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "name", name=op.f("pk_subscriber_events")),
    )
