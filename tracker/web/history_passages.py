"""REST: who passed an area between two times. docs/history.md is its page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from tracker.errors import RequestError
from tracker.history.areas import Area, box_area, circle_area, polygon_area, touches
from tracker.history.passages import Passages, Visit, within
from tracker.storage import areas
from tracker.storage.base import Store
from tracker.web.bodies import json_object
from tracker.web.history_query import DAY_S, all_vehicles, chunks, gap_of, window
from tracker.web.history_stream import answer
from tracker.web.keys import STORE
from tracker.web.shapes import bounding_box, rfc3339, whole_number

MAX_WINDOW_S = 7 * DAY_S
CHUNK_VEHICLES = 25  # whose extent one query finds: 15 million rows of a week at 1 Hz
PAGE, PAGE_MAX = 100, 1_000  # vehicles in an answer
MAX_READ = 500_000  # positions for one answer; where it ends, `next` goes on


async def find_passages(request: web.Request) -> web.Response:
    """GET /api/v1/passages: which vehicles were in an area, and when."""
    return await _passages(request, request.query, _area_of(request.query))


async def find_passages_of(request: web.Request) -> web.Response:
    """POST /api/v1/passages: the same, for a polygon that no address could hold."""
    body = json_object(await request.read())
    area = polygon_area(body.pop("area", None))
    return await _passages(request, _plain(body), area)


def _plain(body: Mapping[str, Any]) -> dict[str, str]:
    """The members of a body as an address would have them. Raises RequestError."""
    for name, value in body.items():
        if isinstance(value, dict | list):
            raise RequestError(f"{name}: must be text or a number")
    return {name: str(value) for name, value in body.items() if value is not None}


def _area_of(query: Mapping[str, str]) -> Area:
    box, circle, polygon = bounding_box(query), query.get("circle"), query.get("polygon")
    if (box is not None) + (circle is not None) + (polygon is not None) != 1:
        raise RequestError("bbox, circle or polygon: exactly one of them must be given")
    if box is not None:
        return box_area(box)
    if circle is not None:
        try:
            lat, lon, radius_m = (float(part) for part in circle.split(","))
        except ValueError:
            raise RequestError("circle: must be lat,lon,radius_m", value=circle) from None
        return circle_area(lat, lon, radius_m)
    try:
        return polygon_area(orjson.loads(polygon or ""))
    except orjson.JSONDecodeError as exc:
        raise RequestError(f"polygon: is not JSON: {exc}", value=polygon) from None


async def _passages(request: web.Request, query: Mapping[str, str], area: Area) -> web.Response:
    from_time, to_time = window(query, most_s=MAX_WINDOW_S)
    gap_s, after = gap_of(query), query.get("after", "")
    limit = whole_number(query, "limit", PAGE, 1, PAGE_MAX)
    store, vehicles = request.app[STORE], all_vehicles(request)
    span = from_time - gap_s, to_time + gap_s
    found: list[dict[str, Any]] = []
    read, more = 0, None
    async for id_ in _near(store, sorted(id_ for id_ in vehicles if id_ > after), area, span):
        if len(found) == limit or read >= MAX_READ:
            more = after
            break
        passages, visits = Passages(area, gap_s), list[Visit]()
        async for page in store.stream(id_, *span):
            visits += passages.add(page)
            read += len(page)
        visits = within(visits + passages.end(), from_time, to_time)
        if visits:
            shapes = [_visit_shape(visit) for visit in visits]
            found.append({"id": id_, "name": vehicles[id_].name, "visits": shapes})
        after = id_
    return answer(
        {"from": rfc3339(from_time), "to": rfc3339(to_time), "vehicles": found, "next": more}
    )


async def _near(
    store: Store, ids: Sequence[str], area: Area, span: tuple[float, float]
) -> AsyncIterator[str]:
    """The vehicles that may have passed: the box around their tracks has some of the area's."""
    first_us, last_us = round(span[0] * 1e6), round(span[1] * 1e6)
    for chunk in chunks(ids, CHUNK_VEHICLES):
        extents = await areas.extents(store, chunk, first_us, last_us)
        for id_ in chunk:
            if id_ in extents and touches(area.box, extents[id_]):
                yield id_


def _visit_shape(visit: Visit) -> dict[str, Any]:
    return {
        "enter_time": rfc3339(visit.enter_time),
        "exit_time": rfc3339(visit.exit_time),
        "duration_s": round(visit.exit_time - visit.enter_time, 3),
        "entered": visit.entered,
        "left": visit.left,
        "silent_s": round(visit.silent_s, 3),
    }
