"""Questions about stored positions across vehicles, or beside the order of a track.

Thin additions to the store: a query each, for the table `positions` in either database and for the
node's journal beside it. What stands in both is counted once, as in every reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
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

from tracker.model import Position
from tracker.storage.base import Store
from tracker.storage.postgresql import PostgresqlStore
from tracker.storage.queries import Query
from tracker.storage.rows import (
    COLUMNS,
    MICROSECONDS,
    VALID,
    Row,
    row_order,
    row_position,
)
from tracker.storage.schema import journal, positions, vehicle_keys

MINUTE_US = 60 * MICROSECONDS
# How an imported position says so in its attributes; orjson writes no blanks.
_IMPORTED = '%"imported":true%'

# Of a position, behind the id of its vehicle, what playback needs.
SEEN = (
    *("fix_time_us", "sequence", "digest"),
    *("lat", "lon", "speed_kmh", "course_deg", "flags", "alarms"),
)
Seen = Row

Extent = tuple[float, float, float, float]  # west, south, east, north of what was reported
Box = tuple[float, float, float, float]  # west, south, east, north, west <= east


# -- the queries -----------------------------------------------------------------------------------

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


class _Pair(NamedTuple):
    """A query of the history, and the same of the journal."""

    stored: Query
    waiting: Query


def _pair(build: Any) -> _Pair:
    """`build(table, local)` for both tables and both databases."""
    return _Pair(
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


# -- asking ----------------------------------------------------------------------------------------


async def _ask(store: Store, pair: _Pair, **values: Any) -> tuple[list[Any], list[Any]]:
    """(rows of the history, rows of the journal). The journal first, as in every reading."""
    text = {k: json.dumps(v) if isinstance(v, list) else v for k, v in values.items()}
    waiting = await store._local.reader.run(pair.waiting, **text)
    if isinstance(store, PostgresqlStore):
        return await store._run(pair.stored, **values), waiting
    return await store._local.reader.run(pair.stored, **text), waiting


async def playback(
    store: Store, vehicle_ids: Sequence[str], first_us: int, last_us: int, limit: int
) -> dict[str, list[Seen]] | None:
    """What vehicles reported, valid places only, in order of time; None: more than `limit`."""
    stored, waiting = await _ask(
        store,
        PLAYBACK,
        vehicle_ids=list(vehicle_ids),
        first_us=first_us,
        last_us=last_us,
        limit=limit + 1,
    )
    rows: Iterable[Row] = stored
    if waiting:
        # What stands in both, or was delivered twice, is the same fix: the first one of it stays.
        first: dict[tuple[str, int, int], Row] = {}
        for row in sorted([*stored, *waiting], key=itemgetter(0, 1, 2)):
            first.setdefault((row[0], row[1], row[3]), row)
        rows = first.values()
    seen = {id_: list(group) for id_, group in groupby(rows, key=itemgetter(0))}
    return seen if sum(map(len, seen.values())) <= limit else None


async def extents(
    store: Store, vehicle_ids: Sequence[str], first_us: int, last_us: int
) -> dict[str, Extent]:
    """The box around everything that each vehicle reported; all longitudes where it is torn.

    A box wider than half the globe is one of a vehicle near the antimeridian.
    """
    found: dict[str, Extent] = {}
    for rows in await _ask(
        store, EXTENTS, vehicle_ids=list(vehicle_ids), first_us=first_us, last_us=last_us
    ):
        for vehicle_id, west, south, east, north in rows:
            old = found.get(vehicle_id, (west, south, east, north))
            found[vehicle_id] = (
                min(old[0], west),
                min(old[1], south),
                max(old[2], east),
                max(old[3], north),
            )
    return {
        id_: (-180.0, south, 180.0, north) if east - west > 180.0 else (west, south, east, north)
        for id_, (west, south, east, north) in found.items()
    }


async def seen_in(
    store: Store, vehicle_ids: Sequence[str], boxes: Iterable[Box], first_us: int, last_us: int
) -> set[str]:
    """Which vehicles reported a valid place in one of the boxes."""
    found: set[str] = set()
    for west, south, east, north in boxes:
        box = {"west": west, "south": south, "east": east, "north": north}
        span = {"first_us": first_us, "last_us": last_us}
        for rows in await _ask(store, IN_BOX, vehicle_ids=list(vehicle_ids), **box, **span):
            found.update(row[0] for row in rows)
    return found


async def places_at(
    store: Store, vehicle_id: str, times_us: Sequence[int]
) -> set[tuple[int, float, float]]:
    """(time_us, lat, lon) of everything that is stored of a vehicle at given moments."""
    stored, waiting = await _ask(store, AT_TIMES, vehicle_id=vehicle_id, times_us=list(times_us))
    return {tuple(row) for row in (*stored, *waiting)}


async def newest_before(
    store: Store, vehicle_id: str, before_time: float, *, imported: bool = True
) -> Position | None:
    """The newest valid position before a time; with or without those that were imported."""
    stored, waiting = await _ask(
        store,
        NEWEST,
        vehicle_id=vehicle_id,
        before_us=round(before_time * MICROSECONDS),
        imported="" if imported else _IMPORTED,
    )
    rows = sorted([*stored, *waiting], key=row_order)
    return row_position(rows[-1], vehicle_id) if rows else None


async def last_reported(store: Store) -> dict[str, Position]:
    """The newest valid position of every vehicle that reported one: `last_positions` without those
    that were imported, which say nothing about where a vehicle is.
    """
    found = await store.last_positions()
    for vehicle_id, position in list(found.items()):
        if position.fix.attributes.get("imported"):
            del found[vehicle_id]
            reported = await newest_before(store, vehicle_id, position.fix.fix_time, imported=False)
            if reported is not None:
                found[vehicle_id] = reported
    return found


async def minute_counts(
    store: Store, vehicle_id: str, first_us: int, last_us: int
) -> tuple[dict[int, int], set[int]]:
    """Valid positions by minute (floor(unix / 60)), and the minutes that are in the journal.

    Those may be counted twice: they have to be read.
    """
    stored, waiting = await _ask(
        store, MINUTES, vehicle_id=vehicle_id, first_us=first_us, last_us=last_us
    )
    counts = {int(minute): int(count) for minute, count in stored}
    return counts, {int(minute) for minute, _ in waiting}
