"""Alembic's entry: runs migrations on the connection that ``service.db.engine.upgrade`` hands over.

A new migration, from the difference between the models and the database that the settings name:
``python -m service.db.revise "what changes"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from alembic import context

import service.db.studies  # noqa: F401 - its table joins the others
from service.db.models import Table, UtcDateTime

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


def render_type(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column types as the plain ones beneath: a migration must outlive the models of its day."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("Migrations run through service.db.engine.upgrade or service.db.revise, which connect.")

context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_type=True,
    render_item=render_type,
)
with context.begin_transaction():
    context.run_migrations()
