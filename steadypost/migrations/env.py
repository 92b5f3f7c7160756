"""Run the migrations on the connection that `steadypost.migrating` opened."""

from __future__ import annotations

from alembic import context

import campaigns.models  # noqa: F401
import delivery.models  # noqa: F401
import subscribers.models  # noqa: F401  (each import registers its tables)
from storage.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
