"""REST: tracks to draw, trips and stops. docs/history.md is its page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web

from tracker.errors import RequestError
from tracker.history import track as tracks
from tracker.history.columns import position_columns
from tracker.history.pieces import Kind, Piece, Place
from tracker.history.timeline import Timeline
from tracker.model import Position
from tracker.web import api
from tracker.web.history_query import (
    DAY_S,
    gap_of,
    rules_of,
    tolerance_of,
    vehicle_of,
    window,
)
from tracker.web.history_stream import answer, around, send
from tracker.web.keys import STORE
from tracker.web.shapes import rfc3339, stored_shape

TOLERANCE_M = 10.0  # a pixel at the zoom at which a day's track fills a screen
MAX_TRACK_POINTS = 50_000  # in one answer: 1.5 MB, and more than a screen has pixels in its width
MAX_TIMELINE_S = 92 * DAY_S  # a quarter: 8 million positions at 1 Hz, a minute of reading
_NDJSON = "application/x-ndjson"
_TOO_FINE = "tolerance_m: {} points are left at least; ask for less time or a greater tolerance"


# -- tracks ----------------------------------------------------------------------------------------


async def _parts(
    request: web.Request, vehicle_id: str, tolerance_m: float, gap_s: float
) -> AsyncIterator[tracks.Part]:
    """The parts of the track that a request asks for."""
    maker = tracks.parts(tolerance_m=tolerance_m, gap_s=gap_s)
    from_time, to_time = window(request.query, ahead_s=DAY_S)
    async for page in request.app[STORE].stream(vehicle_id, from_time, to_time):
        for part in await asyncio.to_thread(maker.add, page):
            yield part
    for part in await asyncio.to_thread(maker.end):
        yield part


async def get_track(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/track: the track as columns, thinned, a list of segments."""
    vehicle = vehicle_of(request)
    tolerance_m, gap_s = tolerance_of(request.query, TOLERANCE_M), gap_of(request.query)
    from_time, to_time = window(request.query, ahead_s=DAY_S)
    segments: list[list[Position]] = []
    points = 0
    async for part in _parts(request, vehicle.id, tolerance_m, gap_s):
        if part.opens:
            segments.append([])
        segments[-1] += part.positions
        points += len(part.positions)
        if points > MAX_TRACK_POINTS:
            raise RequestError(_TOO_FINE.format(MAX_TRACK_POINTS), value=tolerance_m)
    return answer(
        {
            "vehicle": vehicle.id,
            "from": rfc3339(from_time),
            "to": rfc3339(to_time),
            "tolerance_m": tolerance_m,
            "gap_s": gap_s,
            "points": points,
            "segments": [await asyncio.to_thread(position_columns, s) for s in segments],
        }
    )


async def list_positions(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/vehicles/{id}/positions: as stored, or with `tolerance_m` thinned."""
    if "tolerance_m" not in request.query:
        return await api.list_positions(request)
    vehicle = vehicle_of(request)
    for name in ("limit", "after"):
        if name in request.query:
            raise RequestError(f"{name}: a thinned track comes whole; leave it out")
    tolerance_m, gap_s = tolerance_of(request.query, 0.0), gap_of(request.query)
    parts = _parts(request, vehicle.id, tolerance_m, gap_s)
    if _NDJSON in request.headers.get("Accept", ""):
        return await send(request, {"Content-Type": _NDJSON}, _lines(parts))
    shapes: list[dict[str, Any]] = []
    async for lines in _numbered(parts):
        shapes += lines
        if len(shapes) > api.POSITIONS_MAX:
            raise RequestError(_TOO_FINE.format(api.POSITIONS_MAX), value=tolerance_m)
    return answer({"vehicle": vehicle.id, "positions": shapes, "next": None})


async def _numbered(parts: AsyncIterator[tracks.Part]) -> AsyncIterator[list[dict[str, Any]]]:
    segment = -1
    async for part in parts:
        segment += part.opens
        yield [stored_shape(p) | {"segment": segment} for p in part.positions]


async def _lines(parts: AsyncIterator[tracks.Part]) -> AsyncIterator[bytes]:
    async for shapes in _numbered(parts):
        yield b"".join(orjson.dumps(shape) + b"\n" for shape in shapes)


# -- trips and stops -------------------------------------------------------------------------------


async def _timeline(request: web.Request, *kinds: Kind) -> dict[str, Any]:
    """The pieces of a window, of some kinds or of all."""
    vehicle, rules = vehicle_of(request), rules_of(request.query)
    from_time, to_time = window(request.query, most_s=MAX_TIMELINE_S)
    timeline = Timeline(rules, from_time, to_time)
    pieces: list[Piece] = []
    store = request.app[STORE]
    async for page in around(store, vehicle.id, from_time, to_time, rules.lead_s):
        pieces += (piece for piece in timeline.add(page) if piece.kind in kinds)
    pieces += (piece for piece in timeline.end() if piece.kind in kinds)
    return {
        "vehicle": vehicle.id,
        "from": rfc3339(from_time),
        "to": rfc3339(to_time),
        "rules": {
            "stop_speed_kmh": rules.stop_speed_kmh,
            "stop_radius_m": rules.stop_radius_m,
            "stop_s": rules.stop_s,
            "min_trip_m": rules.min_trip_m,
            "min_trip_s": rules.min_trip_s,
            "gap_s": rules.gap_s,
            "ignition": "use" if rules.use_ignition else "ignore",
        },
        "pieces": [_SHAPES[piece.kind](piece, timeline.inside) for piece in pieces],
    }


async def get_timeline(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/timeline: trips, stops and gaps without a hole."""
    return answer(await _timeline(request, *Kind))


async def list_trips(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/trips."""
    data = await _timeline(request, Kind.TRIP)
    return answer(data | {"trips": data.pop("pieces")})


async def list_stops(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/stops."""
    data = await _timeline(request, Kind.STOP)
    return answer(data | {"stops": data.pop("pieces")})


def _piece_shape(piece: Piece) -> dict[str, Any]:
    return {
        "kind": piece.kind,
        "start_time": rfc3339(piece.start_time),
        "end_time": rfc3339(piece.end_time),
        "duration_s": round(piece.duration_s, 3),
        "cut_start": piece.cut[0],
        "cut_end": piece.cut[1],
    }


def _trip_shape(piece: Piece, spans: tuple[int, int]) -> dict[str, Any]:
    count = piece.tally.total(*spans)
    return _piece_shape(piece) | {
        "start": _place(piece.start),
        "end": _place(piece.end),
        "distance_m": round(count.distance_m, 1),
        "odometer_m": count.odometer_m,
        "max_speed_kmh": _rounded(count.max_speed_kmh),
        "mean_speed_kmh": round(count.distance_m / piece.duration_s * 3.6, 1),
        "idle_s": round(count.idle_s, 3),
    }


def _stop_shape(piece: Piece, spans: tuple[int, int]) -> dict[str, Any]:
    count = piece.tally.total(*spans)
    return _piece_shape(piece) | {
        "place": _place(piece.start),
        "idle_s": round(count.idle_s, 3),
        "silent_s": round(count.silent_s, 3),
    }


def _gap_shape(piece: Piece, _spans: tuple[int, int]) -> dict[str, Any]:
    return _piece_shape(piece) | {"start": _place(piece.start), "end": _place(piece.end)}


_SHAPES = {Kind.TRIP: _trip_shape, Kind.STOP: _stop_shape, Kind.GAP: _gap_shape}


def _place(place: Place | None) -> dict[str, float] | None:
    return None if place is None else {"lat": round(place[0], 7), "lon": round(place[1], 7)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
