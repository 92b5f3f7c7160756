"""How far the import of each file has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from storage.base import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add a table that is empty but while an import runs, or after one was killed."""
    op.create_table(
        "unfinished_imports",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("list_id", _ROW_ID, nullable=False),
        sa.Column("consent_source", sa.Text(), nullable=False),
        sa.Column("skips_bad", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("fates", _JSON, nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("went_on_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["lists.id"], name=op.f("fk_unfinished_imports_list_id_lists")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unfinished_imports")),
        sa.UniqueConstraint(
            "file_digest", "list_id", name=op.f("uq_unfinished_imports_file_digest_list_id")
        ),
    )
