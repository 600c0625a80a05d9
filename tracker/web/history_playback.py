"""REST: playback blocks and their manifest. docs/history.md is its page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from tracker.errors import RequestError
from tracker.history import playback
from tracker.history.areas import boxes
from tracker.history.columns import columns, flags_of, position_columns
from tracker.storage import areas
from tracker.storage.base import Store
from tracker.storage.rows import IGNITION_KNOWN, IGNITION_ON
from tracker.web.history_query import (
    DAY_S,
    all_vehicles,
    chunks,
    known_vehicle,
    vehicle_of,
    window,
)
from tracker.web.history_stream import answer, json_answer
from tracker.web.keys import STORE
from tracker.web.shapes import bounding_box, rfc3339, whole_number

MAX_NAMED = 200  # vehicles in one address: 3 KB of it
MAX_SHOWN = 500  # vehicles in a view: more are a heat map and not a replay
MAX_BLOCK_POSITIONS = 200_000  # sent in one block: 2 MB; 300 vehicles at 1 Hz
CHUNK_VEHICLES = 16  # in one query: 9,600 positions of a block at 1 Hz, 10 ms of the event loop
MAX_CHUNK_POSITIONS = 100_000  # read in one query; beyond it even few vehicles are too dense
CHUNK_SEARCHED = 200  # vehicles that one query looks for in a box: it ends at the first match each
MAX_MANIFEST_S = 31 * DAY_S  # 44,640 minutes


async def get_block(request: web.Request) -> web.Response:
    """GET /api/v1/playback/{block}: what vehicles reported in one block, as columns."""
    now = time.time()
    block = playback.check_block(request.match_info["block"], now)
    step_s = whole_number(request.query, "step_s", 0, 0, playback.BLOCK_S)
    span_us = playback.block_span(block)
    ids = await _block_vehicles(request, *span_us)
    with_before = _truth(request.query, "before")
    shown: list[dict[str, Any]] = []
    sent = 0
    for chunk in chunks(ids, CHUNK_VEHICLES):
        seen = await areas.playback(request.app[STORE], chunk, *span_us, MAX_CHUNK_POSITIONS)
        for id_ in chunk:
            rows = _stepped(() if seen is None else seen.get(id_, ()), step_s)
            before = await _before(request.app[STORE], id_, block) if with_before else None
            if rows or before:
                entry = {"id": id_} | _row_columns(rows, span_us[0])
                shown.append(entry | {"before": before} if with_before else entry)
                sent += len(rows)
        if seen is None or sent > MAX_BLOCK_POSITIONS:
            raise RequestError(
                f"the block has too many positions, at most {MAX_BLOCK_POSITIONS} are sent: narrow"
                " the view, name fewer vehicles or set step_s"
            )
    return _kept(
        request,
        {
            "block": block,
            "block_s": playback.BLOCK_S,
            "start_ms": span_us[0] // 1_000,
            "closed": playback.is_closed(block, now),
            "vehicles": shown,
        },
        playback.cache_rule(block, now),
    )


def _truth(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise RequestError(f"{name}: must be true or false", value=text)
    return text == "true"


async def _before(store: Store, vehicle_id: str, block: int) -> dict[str, int] | None:
    """The last fix before a block: where a vehicle is that has not reported in it yet."""
    start = block * playback.BLOCK_S
    position = await areas.newest_before(store, vehicle_id, start)
    if position is None:
        return None
    fix = {name: column[0] for name, column in position_columns([position]).items()}
    return fix | {"t": fix["t"] - start * 1_000}


async def _block_vehicles(request: web.Request, first_us: int, last_us: int) -> list[str]:
    """The ids that a request names, or those in its view, in order."""
    query = request.query
    box = bounding_box(query)
    if ("vehicles" in query) == (box is not None):
        raise RequestError("vehicles or bbox: exactly one of them must be given")
    if box is None:
        ids = {id_ for id_ in query["vehicles"].split(",") if id_}
        if not 1 <= len(ids) <= MAX_NAMED:
            raise RequestError(f"vehicles: must be 1 to {MAX_NAMED} ids", value=len(ids))
        return sorted(known_vehicle(request, id_).id for id_ in ids)
    found: list[str] = []
    for chunk in chunks(sorted(all_vehicles(request)), CHUNK_SEARCHED):
        found += await areas.seen_in(request.app[STORE], chunk, boxes(box), first_us, last_us)
        if len(found) > MAX_SHOWN:
            raise RequestError(f"bbox: more than {MAX_SHOWN} vehicles were there; narrow the view")
    return sorted(found)


def _stepped(rows: Sequence[areas.Seen], step_s: int) -> Sequence[areas.Seen]:
    coarse = playback.Coarse(step_s)
    return [row for row in rows if coarse.takes(row[1])] if step_s else rows


def _row_columns(rows: Sequence[areas.Seen], origin_us: int) -> dict[str, Any]:
    if not rows:
        return dict(position_columns([]))
    _, times_us, _, _, lat, lon, speed, course, flags, alarms = zip(*rows, strict=True)
    ignition = [bool(f & IGNITION_ON) if f & IGNITION_KNOWN else None for f in flags]
    return columns(
        [time_us / 1e3 for time_us in times_us],
        lat,
        lon,
        speed,
        course,
        [flags_of(on, alarm is not None) for on, alarm in zip(ignition, alarms, strict=True)],
        origin_ms=origin_us // 1_000,
    )


def _kept(request: web.Request, data: dict[str, Any], rule: str) -> web.Response:
    """An answer that a cache may keep, or 304 where the client's copy is the same."""
    headers = {"Cache-Control": rule, "Vary": "Authorization, Cookie, Accept-Encoding"}
    body = orjson.dumps(data)
    if rule != playback.NOT_KEPT:
        digest = hashlib.blake2b(body, digest_size=12).hexdigest()
        headers["ETag"] = f'W/"{digest}"'
        if any(tag.value in (digest, "*") for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
    return json_answer(body, headers)


async def get_manifest(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/playback: which blocks have data, and how much by the minute."""
    vehicle = vehicle_of(request)
    from_time, to_time = window(request.query, most_s=MAX_MANIFEST_S)
    store, first_us, last_us = request.app[STORE], round(from_time * 1e6), round(to_time * 1e6)
    counts, unsure = await areas.minute_counts(store, vehicle.id, first_us, last_us)
    for first, last in playback.minute_runs(unsure):
        for minute in range(first, last + 1):
            counts.pop(minute, None)
        start = max(from_time, first * playback.MINUTE_S)
        end = min(to_time, (last + 1) * playback.MINUTE_S - 1e-6)
        async for page in store.stream(vehicle.id, start, end):
            for position in page:
                if position.fix.valid:
                    minute = int(position.fix.fix_time // playback.MINUTE_S)
                    counts[minute] = counts.get(minute, 0) + 1
    return answer(
        {
            "vehicle": vehicle.id,
            "from": rfc3339(from_time),
            "to": rfc3339(to_time),
            "block_s": playback.BLOCK_S,
            "blocks": playback.manifest(counts),
        }
    )
