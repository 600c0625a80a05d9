"""Questions about stored positions across vehicles, or beside the order of a track.

Thin additions to the store: a query each (`area_queries`), for the table `positions` in either
database and for the node's journal beside it. What stands in both is counted once, as in every
reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from tracker.model import Position
from tracker.storage import area_queries as queries
from tracker.storage.base import Store
from tracker.storage.rows import MICROSECONDS, Row, row_order, row_position

# How an imported position says so in its attributes; orjson writes no blanks.
_IMPORTED = '%"imported":true%'

Seen = Row

Extent = tuple[float, float, float, float]  # west, south, east, north of what was reported
Box = tuple[float, float, float, float]  # west, south, east, north, west <= east


async def _ask(store: Store, pair: queries.Pair, **values: Any) -> tuple[list[Any], list[Any]]:
    """(rows of the history, rows of the journal). The journal first, as in every reading."""
    waiting = await store._local.ask(pair.waiting, **values)
    return await store._run(pair.stored, **values), waiting


async def playback(
    store: Store, vehicle_ids: Sequence[str], first_us: int, last_us: int, limit: int
) -> dict[str, list[Seen]] | None:
    """What vehicles reported, valid places only, in order of time; None: more than `limit`."""
    stored, waiting = await _ask(
        store,
        queries.PLAYBACK,
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
        store,
        queries.EXTENTS,
        vehicle_ids=list(vehicle_ids),
        first_us=first_us,
        last_us=last_us,
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
        for rows in await _ask(store, queries.IN_BOX, vehicle_ids=list(vehicle_ids), **box, **span):
            found.update(row[0] for row in rows)
    return found


async def places_at(
    store: Store, vehicle_id: str, times_us: Sequence[int]
) -> set[tuple[int, float, float]]:
    """(time_us, lat, lon) of everything that is stored of a vehicle at given moments."""
    stored, waiting = await _ask(
        store, queries.AT_TIMES, vehicle_id=vehicle_id, times_us=list(times_us)
    )
    return {tuple(row) for row in (*stored, *waiting)}


async def newest_before(
    store: Store, vehicle_id: str, before_time: float, *, imported: bool = True
) -> Position | None:
    """The newest valid position before a time; with or without those that were imported."""
    stored, waiting = await _ask(
        store,
        queries.NEWEST,
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
        store, queries.MINUTES, vehicle_id=vehicle_id, first_us=first_us, last_us=last_us
    )
    counts = {int(minute): int(count) for minute, count in stored}
    return counts, {int(minute) for minute, _ in waiting}
