"""What requests for history have in common: of whom, when, and by which rules."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from aiohttp import web

from tracker.errors import NotFoundError, RequestError
from tracker.history.pieces import Rules
from tracker.history.track import GAP_S
from tracker.model import Vehicle
from tracker.web.keys import REGISTRY
from tracker.web.shapes import moment

DAY_S = 86_400.0
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def vehicle_of(request: web.Request) -> Vehicle:
    """The vehicle that a path names. Raises NotFoundError."""
    return known_vehicle(request, request.match_info["id"])


def known_vehicle(request: web.Request, id_: str) -> Vehicle:
    """A vehicle by its id. Raises NotFoundError."""
    vehicle = request.app[REGISTRY].vehicles.get(id_)
    if vehicle is None:
        raise NotFoundError(f"no vehicle {id_}", value=id_)
    return vehicle


def all_vehicles(request: web.Request) -> dict[str, Vehicle]:
    """Every vehicle that who asks may see, by id."""
    return request.app[REGISTRY].vehicles


def number(query: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """A number between two bounds. Raises RequestError."""
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
        raise RequestError(f"{name}: must be a number within {low:g}..{high:g}", value=text)
    return float(text)


def gap_of(query: Mapping[str, str]) -> float:
    """The silence over which no line is drawn, in seconds."""
    return number(query, "gap_s", GAP_S, 1, DAY_S)


def tolerance_of(query: Mapping[str, str], default: float) -> float:
    """By how much a drawn line may differ from the stored one, in metres; 0 keeps every point."""
    return number(query, "tolerance_m", default, 0, 100_000)


def rules_of(query: Mapping[str, str]) -> Rules:
    """The rules by which trips are found. Raises RequestError."""
    usual = Rules()
    ignition = query.get("ignition", "use")
    if ignition not in ("use", "ignore"):
        raise RequestError("ignition: must be use or ignore", value=ignition)
    return Rules(
        stop_speed_kmh=number(query, "stop_speed_kmh", usual.stop_speed_kmh, 0.5, 50),
        stop_radius_m=number(query, "stop_radius_m", usual.stop_radius_m, 5, 2_000),
        stop_s=number(query, "stop_s", usual.stop_s, 10, DAY_S),
        min_trip_m=number(query, "min_trip_m", usual.min_trip_m, 0, 100_000),
        min_trip_s=number(query, "min_trip_s", usual.min_trip_s, 0, DAY_S),
        gap_s=gap_of(query),
        use_ignition=ignition == "use",
    )


def window(
    query: Mapping[str, str], *, ahead_s: float = 0.0, most_s: float = math.inf
) -> tuple[float, float]:
    """(from, to) of a request; the last day unless told. `to` is now plus `ahead_s` at the latest.

    Raises RequestError.
    """
    now = time.time()
    latest = now + ahead_s
    to_time = moment(query, "to", latest)
    from_time = moment(query, "from", min(to_time, now) - DAY_S)
    if from_time > to_time:
        raise RequestError("from: must not be after to")
    to_time = max(min(to_time, latest), from_time)
    if to_time - from_time > most_s:
        raise RequestError(f"from: must be at most {most_s / DAY_S:g} days before to")
    return from_time, to_time


def chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The same ids, some at a time."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
