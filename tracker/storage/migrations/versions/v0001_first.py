"""Version 1: vehicles, their keys, positions and, in SQLite, the journal.

Nothing is imported from `schema`: that module moves on, and this version stays what it was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BigInt = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "vehicles",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("fleet", sa.Text, nullable=False),
        sa.Column("group_path", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("utc_offset_s", sa.Integer),
        sa.Column("datum", sa.Text, nullable=False),
        sa.Column("created_time", sa.Double, nullable=False),
    )
    op.create_table(
        "vehicle_keys",
        sa.Column("vehicle_key", sa.Integer, primary_key=True),
        sa.Column("vehicle_id", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "positions",
        *_position_columns(key=True),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (fix_time_us)",
    )
    if op.get_bind().dialect.name == "sqlite":
        op.create_table(
            "journal",
            sa.Column("id", sa.Integer, primary_key=True),
            *_position_columns(key=False),
            sqlite_autoincrement=True,
        )
    else:
        op.execute("CREATE TABLE positions_other PARTITION OF positions DEFAULT")


def _position_columns(*, key: bool) -> list[sa.Column[Any]]:
    return [
        sa.Column("vehicle_key", sa.Integer, primary_key=key, nullable=False, autoincrement=False),
        sa.Column("fix_time_us", BigInt, primary_key=key, nullable=False, autoincrement=False),
        sa.Column("digest", BigInt, primary_key=key, nullable=False, autoincrement=False),
        sa.Column("lat", sa.Double, nullable=False),
        sa.Column("lon", sa.Double, nullable=False),
        sa.Column("speed_kmh", sa.Double),
        sa.Column("course_deg", sa.Double),
        sa.Column("altitude_m", sa.Double),
        sa.Column("flags", sa.SmallInteger, nullable=False),
        sa.Column("satellites", sa.SmallInteger),
        sa.Column("received_time_us", BigInt, nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("alarms", sa.Text),
        sa.Column("attributes", sa.Text),
    ]
