"""Days of PostgreSQL's table `positions`: one partition for each, made before it is needed.

What has no partition of its own falls into `positions_other`: fixes of devices whose clocks are
years off. If such a day is given a partition later, its rows move there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import asyncpg

DAY_US = 86_400_000_000
DAYS_AHEAD = 2  # partitions that are there before their day begins
DAYS_BACK = 400  # older fixes get none of their own: a wrong clock must not make 20,000 tables
_PARTITION_LOCK = 7_265_012  # of PostgreSQL's advisory locks: many nodes may need the same day
_PREFIX = "positions_"


def day_of(time_us: int) -> int:
    """The day of a time, counted from 1970-01-01 UTC."""
    return time_us // DAY_US


def partition_name(day: int) -> str:
    """The table of a day, as positions_20250301."""
    return _PREFIX + (dt.date(1970, 1, 1) + dt.timedelta(days=day)).strftime("%Y%m%d")


def partition_day(name: str) -> int | None:
    """The day of a table; None where it is not a partition of one day."""
    try:
        day = dt.datetime.strptime(name, _PREFIX + "%Y%m%d").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return day_of(round(day.timestamp()) * 1_000_000)


def wanted_days(fix_days: Iterable[int], today: int) -> set[int]:
    """The days that need a partition: those of fixes, and today with the days ahead."""
    ahead = range(today, today + DAYS_AHEAD + 1)
    return {*ahead, *(d for d in fix_days if today - DAYS_BACK <= d <= today + DAYS_AHEAD)}


async def existing_days(connection: asyncpg.Connection) -> set[int]:
    """The days that have a partition."""
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = 'positions'::regclass"
    )
    return {day for row in rows if (day := partition_day(row["name"])) is not None}


async def create_partitions(connection: asyncpg.Connection, days: Iterable[int]) -> None:
    """Make the partitions of `days` that are not there yet."""
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({_PARTITION_LOCK})")
        for day in sorted(set(days) - await existing_days(connection)):
            await _create_partition(connection, day)


async def _create_partition(connection: asyncpg.Connection, day: int) -> None:
    name, first, end = partition_name(day), day * DAY_US, (day + 1) * DAY_US
    # Every value here is a whole number or a name made of one; DDL takes no parameters.
    await connection.execute(f"CREATE TABLE {name} (LIKE positions INCLUDING ALL)")
    await connection.execute(
        "WITH moved AS (DELETE FROM positions_other"  # noqa: S608 - see above
        f" WHERE fix_time_us >= {first} AND fix_time_us < {end} RETURNING *)"
        f" INSERT INTO {name} SELECT * FROM moved"
    )
    await connection.execute(
        f"ALTER TABLE positions ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})"
    )


async def drop_partition(connection: asyncpg.Connection, day: int) -> int:
    """Drop the partition of a day with all that is in it; how many rows that were."""
    name = partition_name(day)
    async with connection.transaction():
        rows: int = await connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608
        await connection.execute(f"DROP TABLE {name}")
    return rows
