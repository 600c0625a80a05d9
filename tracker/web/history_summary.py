"""REST: what a vehicle did, day by day. docs/history.md is its page."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from tracker.errors import RequestError
from tracker.history.summary import MAX_DAYS, Day, Summary
from tracker.model import Fix
from tracker.web.history_query import rules_of, vehicle_of
from tracker.web.history_stream import answer, around
from tracker.web.keys import STORE
from tracker.web.shapes import rfc3339

_FIRST_YEAR, _LAST_YEAR = 1971, 2999  # of dates that are taken; every zone's rules reach so far
# What is added up over the days.
_SUMS = ("distance_m", "driving_s", "idle_s", "stopped_s", "gap_s", "trips", "stops", "positions")


async def get_summary(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/summary: a row for each day of the viewer's time zone."""
    vehicle, rules, now = vehicle_of(request), rules_of(request.query), time.time()
    zone = await _zone(request.query)
    first, last = _dates(request.query, zone, now)
    summary = Summary(rules, first, last, zone, now)
    if summary.days:
        start, end = summary.days[0].start_time, summary.days[-1].end_time
        async for page in around(request.app[STORE], vehicle.id, start, end, rules.lead_s):
            summary.add(page)
    days = summary.end()
    return answer(
        {
            "vehicle": vehicle.id,
            "tz": zone.key,
            "days": [_day_shape(day) for day in days],
            "total": _total(days),
        }
    )


async def _zone(query: Mapping[str, str]) -> ZoneInfo:
    name = query.get("tz", "UTC")
    try:
        return await asyncio.to_thread(ZoneInfo, name)
    except (ValueError, OSError, LookupError):
        raise RequestError(
            "tz: must be the name of a time zone, like Europe/Ljubljana", value=name
        ) from None


def _dates(query: Mapping[str, str], zone: ZoneInfo, now: float) -> tuple[dt.date, dt.date]:
    """(first, last) day; the last seven unless told. Days that have not begun are left out:
    where none has, `last` is before `first`.
    """
    today = dt.datetime.fromtimestamp(now, zone).date()
    last = _date(query, "to", today)
    first = _date(query, "from", min(last, today) - dt.timedelta(6))
    if first > last:
        raise RequestError("from: must not be after to")
    last = min(last, today)
    if (last - first).days >= MAX_DAYS:
        raise RequestError(f"from: must be less than {MAX_DAYS} days before to")
    return first, last


def _date(query: Mapping[str, str], name: str, default: dt.date) -> dt.date:
    text = query.get(name)
    if text is None:
        return default
    try:
        date = dt.date.fromisoformat(text)
        if not 1971 <= date.year <= 2999:
            raise ValueError
    except ValueError:
        raise RequestError(f"{name}: must be a date like 2026-03-29", value=text) from None
    return date


def _day_shape(day: Day) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "start_time": rfc3339(day.start_time),
        "end_time": rfc3339(day.end_time),
        "distance_m": round(day.distance_m, 1),
        "odometer_m": day.odometer_m,
        "driving_s": round(day.driving_s, 3),
        "idle_s": round(day.idle_s, 3),
        "stopped_s": round(day.stopped_s, 3),
        "gap_s": round(day.gap_s, 3),
        "trips": day.trips,
        "stops": day.stops,
        "max_speed_kmh": None if day.max_speed_kmh is None else round(day.max_speed_kmh, 1),
        "positions": day.positions,
        "first": _fix_shape(day.first),
        "last": _fix_shape(day.last),
    }


def _fix_shape(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {"fix_time": rfc3339(fix.fix_time), "lat": fix.lat, "lon": fix.lon}


def _total(days: Sequence[Day]) -> dict[str, Any]:
    total = {name: round(sum(getattr(day, name) for day in days), 3) for name in _SUMS}
    speeds = [day.max_speed_kmh for day in days if day.max_speed_kmh is not None]
    return total | {"max_speed_kmh": round(max(speeds), 1) if speeds else None}
