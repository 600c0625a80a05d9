"""The schema, once, in SQLAlchemy Core: what the migrations lead to and the queries speak of.

`journal` exists only in SQLite: it is the node's own append-only table, in the order of arrival,
from which positions move to `positions` of the same file or of PostgreSQL. There `positions` is
partitioned by day of `fix_time_us`; in SQLite the primary key is the table itself (WITHOUT ROWID),
so the track of a vehicle lies in one piece.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

# SQLite's INTEGER holds 64 bits, and only a column of exactly that name can be a row number.
BigInt = BigInteger().with_variant(Integer, "sqlite")


def position_columns(*, key: bool) -> list[Column[Any]]:
    """Fresh columns of a position, in the order of `rows.COLUMNS`; `key`: with a primary key."""
    return [
        Column("vehicle_key", Integer, primary_key=key, nullable=False, autoincrement=False),
        Column("fix_time_us", BigInt, primary_key=key, nullable=False, autoincrement=False),
        Column("digest", BigInt, primary_key=key, nullable=False, autoincrement=False),
        Column("lat", Double, nullable=False),
        Column("lon", Double, nullable=False),
        Column("speed_kmh", Double),
        Column("course_deg", Double),
        Column("altitude_m", Double),
        Column("flags", SmallInteger, nullable=False),
        Column("satellites", SmallInteger),
        Column("received_time_us", BigInt, nullable=False),
        Column("sequence", BigInt, nullable=False),
        Column("alarms", Text),
        Column("attributes", Text),
    ]


vehicles = Table(
    "vehicles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("fleet", Text, nullable=False),
    Column("group_path", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("utc_offset_s", Integer),
    Column("datum", Text, nullable=False),
    Column("created_time", Double, nullable=False),
)

# A position names its vehicle by a number: ids are text, and a row is written for every fix.
# It is a table of its own because a position is on disk before anything of its vehicle has to be.
vehicle_keys = Table(
    "vehicle_keys",
    metadata,
    Column("vehicle_key", Integer, primary_key=True),
    Column("vehicle_id", Text, nullable=False, unique=True),
)

positions = Table(
    "positions",
    metadata,
    *position_columns(key=True),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (fix_time_us)",
)

# What was moved is deleted by ranges of ids, so no id may ever be given to a second row: without
# AUTOINCREMENT SQLite would start again at 1 whenever the table is empty.
journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    *position_columns(key=False),
    sqlite_autoincrement=True,
    info={"dialect": "sqlite"},
)

# Rows are added and never changed, but for `is_open`, which goes from 1 to 0. There is no foreign
# key: each node saves what it hears, in the order in which it hears it.
commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("vehicle_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("created_time", Double, nullable=False),
    Column("expires_time", Double, nullable=False),
    Column("node", Text, nullable=False),
    Column("is_open", SmallInteger, nullable=False),
    Index("commands_of_vehicle", "vehicle_id", "created_time", "id"),
    Index("commands_by_state", "is_open", "created_time"),
)

command_transitions = Table(
    "command_transitions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("command_id", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("reply", Text),
    Column("reference", Integer),
    Index("transitions_of_command", "command_id"),
)
