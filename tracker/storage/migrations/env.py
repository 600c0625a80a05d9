"""Alembic's entry: runs the migrations on the connection that `migrate` handed over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from tracker.storage.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
