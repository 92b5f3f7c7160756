"""What the clock has noted, so that a quiet tick reads nothing that has not moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STANDING = sa.Enum(
    "unconfirmed", "confirmed", "unsubscribed", name="standing", native_enum=False, length=32
)


def upgrade() -> None:
    """Add the marks of the clock; at first it has noted nothing, and so looks at everybody."""
    op.add_column("subscriptions", sa.Column("noted", _STANDING, nullable=True))
    op.add_column(
        "suppressions",
        sa.Column("noted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("series", sa.Column("walked_for", sa.String(length=64), nullable=True))
    op.add_column("series", sa.Column("walked_to", _ID, nullable=True))
    # Nearly everybody has the same standing: an index that only misleads the planner.
    op.drop_index("ix_subscriptions_standing", table_name="subscriptions")
    is_sqlite = op.get_context().dialect.name == "sqlite"
    has_moved = "noted IS NOT standing" if is_sqlite else "noted IS DISTINCT FROM standing"
    _index("ix_subscriptions_moved", "subscriptions", ["standing", "id"], where=has_moved)
    is_unconfirmed = "standing = 'unconfirmed'"
    _index("ix_subscriptions_asked", "subscriptions", ["requested_at"], where=is_unconfirmed)
    _index(
        "ix_suppressions_new",
        "suppressions",
        ["id"],
        where="noted = 0" if is_sqlite else "NOT noted",
    )
    is_waited_for = "status = 'active' AND origin = 'confirmation' AND last_sent_at IS NULL"
    _index("ix_enrolments_waited_for", "enrolments", ["look_at", "id"], where=is_waited_for)
    set_aside = "state IN ('held', 'uncertain')"
    _index("ix_deliveries_set_aside", "deliveries", ["state", "id"], where=set_aside)


def _index(name: str, table: str, columns: list[str], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition
    )
