"""The statements of `areas`: each for the history, in either database, and for the journal."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Double,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ColumnElement

from tracker.storage.queries import Query
from tracker.storage.rows import COLUMNS, MICROSECONDS, VALID
from tracker.storage.schema import journal, positions, vehicle_keys

MINUTE_US = 60 * MICROSECONDS

# Of a position, behind the id of its vehicle, what playback needs.
SEEN = (
    *("fix_time_us", "sequence", "digest"),
    *("lat", "lon", "speed_kmh", "course_deg", "flags", "alarms"),
)

_first = bindparam("first_us", type_=BigInteger)
_last = bindparam("last_us", type_=BigInteger)
_limit = bindparam("limit", type_=Integer)
_key = (
    select(vehicle_keys.c.vehicle_key)
    .where(vehicle_keys.c.vehicle_id == bindparam("vehicle_id", type_=Text))
    .scalar_subquery()
)


def _among(column: ColumnElement[Any], name: str, kind: Any, *, local: bool) -> ColumnElement[bool]:
    """Whether a column is one of a list: JSON text for SQLite, an array for PostgreSQL."""
    if local:
        listed = func.json_each(bindparam(name, type_=Text)).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(bindparam(name, type_=ARRAY(kind)))


def _valid(table: Table) -> ColumnElement[bool]:
    return table.c.flags.op("&")(literal_column(str(VALID))) != literal_column("0")


def _within(table: Table) -> tuple[ColumnElement[bool], ...]:
    return table.c.fix_time_us.between(_first, _last), _valid(table)


def _joined(table: Table, *columns: ColumnElement[Any], local: bool) -> Any:
    """Rows of the vehicles in `vehicle_ids`, beside their ids.

    The journal has no index by vehicle: it is looked through once for all of them, and never once
    for each, which a join would leave to the planner.
    """
    listed = _among(vehicle_keys.c.vehicle_id, "vehicle_ids", Text, local=local)
    if table is journal:
        keys = select(vehicle_keys.c.vehicle_key).where(listed)
        id_of = select(vehicle_keys.c.vehicle_id).where(
            vehicle_keys.c.vehicle_key == journal.c.vehicle_key
        )
        return select(
            id_of.correlate(journal).scalar_subquery().label("vehicle_id"), *columns
        ).where(journal.c.vehicle_key.in_(keys), *_within(journal))
    return (
        select(vehicle_keys.c.vehicle_id, *columns)
        .join_from(vehicle_keys, table, table.c.vehicle_key == vehicle_keys.c.vehicle_key)
        .where(listed, *_within(table))
    )


class Pair(NamedTuple):
    """A query of the history, and the same of the journal."""

    stored: Query
    waiting: Query


def _pair(build: Any) -> Pair:
    """`build(table, local)` for both tables and both databases."""
    return Pair(
        Query(build(positions, local=True), build(positions, local=False)),
        Query(build(journal, local=True), local=True),
    )


def _playback(table: Table, *, local: bool) -> Executable:
    rows: Executable = (
        _joined(table, *(table.c[name] for name in SEEN), local=local)
        .order_by("vehicle_id", table.c.fix_time_us, table.c.sequence)
        .limit(_limit)
    )
    return rows


def _extents(table: Table, *, local: bool) -> Executable:
    lat, lon = table.c.lat, table.c.lon
    ends = (func.min(lon), func.min(lat), func.max(lon), func.max(lat))
    rows: Executable = _joined(table, *ends, local=local).group_by("vehicle_id")
    return rows


def _in_box(table: Table, *, local: bool) -> Executable:
    west, south, east, north = (
        bindparam(name, type_=Double) for name in ("west", "south", "east", "north")
    )
    inside = (table.c.lat.between(south, north), table.c.lon.between(west, east))
    rows: Executable
    if table is journal:
        rows = _joined(table, local=local).where(*inside).distinct()
        return rows
    some: Any = (  # ends at the first that is found
        select(literal_column("1"))
        .select_from(table)
        .where(table.c.vehicle_key == vehicle_keys.c.vehicle_key, *_within(table), *inside)
    )
    rows = select(vehicle_keys.c.vehicle_id).where(
        _among(vehicle_keys.c.vehicle_id, "vehicle_ids", Text, local=local),
        some.correlate(vehicle_keys).exists(),
    )
    return rows


def _at_times(table: Table, *, local: bool) -> Executable:
    return select(table.c.fix_time_us, table.c.lat, table.c.lon).where(
        table.c.vehicle_key == _key,
        _among(table.c.fix_time_us, "times_us", BigInteger, local=local),
    )


def _newest(table: Table, *, local: bool) -> Executable:
    del local
    imported = table.c.attributes.like(bindparam("imported", type_=Text))
    return (
        select(*(table.c[name] for name in COLUMNS))
        .where(
            table.c.vehicle_key == _key,
            table.c.fix_time_us < bindparam("before_us", type_=BigInteger),
            _valid(table),
            or_(table.c.attributes.is_(None), not_(imported)),
        )
        .order_by(table.c.fix_time_us.desc(), table.c.sequence.desc())
        .limit(literal_column("1"))
    )


def _minutes(table: Table, *, local: bool) -> Executable:
    del local
    minute = table.c.fix_time_us.op("/")(literal_column(str(MINUTE_US))).label("minute")
    return (
        select(minute, func.count())
        .where(table.c.vehicle_key == _key, *_within(table))
        .group_by(minute)
    )


PLAYBACK = _pair(_playback)
EXTENTS = _pair(_extents)
IN_BOX = _pair(_in_box)
AT_TIMES = _pair(_at_times)
NEWEST = _pair(_newest)
MINUTES = _pair(_minutes)
