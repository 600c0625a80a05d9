"""The history's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tracker.history.pieces import Rules
from tracker.history.playback import BLOCK_S
from tracker.history.track import GAP_S
from tracker.web.history_api import TOLERANCE_M
from tracker.web.openapi_terms import (
    ID,
    MAYBE_NUMBER,
    MAYBE_TIME,
    NUMBER,
    TEXT,
    TIME,
    TRUTH,
    WHOLE,
    answers,
    as_file,
    as_json,
    listed,
    members,
    path,
    query,
    ref,
)

_COLUMN = {"type": "array", "items": WHOLE}
_USUAL = Rules()


_FROM = query("from", "RFC 3339 time or Unix seconds; default: a day before `to`")
_TO = query("to", "RFC 3339 time or Unix seconds; default: now")
_GAP = query(
    "gap_s",
    "No line over a longer silence",
    type="number",
    minimum=1,
    maximum=86_400,
    default=GAP_S,
)


def _tolerance(default: float) -> dict[str, Any]:
    text = "Metres by which the line may differ from the stored one; 0: every point"
    return query("tolerance_m", text, type="number", minimum=0, maximum=100_000, default=default)


def _rule(name: str, text: str, low: float, high: float) -> dict[str, Any]:
    default = getattr(_USUAL, name)
    return query(name, text, type="number", minimum=low, maximum=high, default=default)


_RULES = [
    _rule("stop_speed_kmh", "Below it a vehicle may be standing", 0.5, 50),
    _rule("stop_radius_m", "Within it, it may be standing", 5, 2_000),
    _rule("stop_s", "After so long it stands", 10, 86_400),
    _rule("min_trip_m", "A trip comes so far from its start", 0, 100_000),
    _rule("min_trip_s", "A trip lasts so long", 0, 86_400),
    _GAP,
    query("ignition", "Whether an ignition that is off is a stop", enum=["use", "ignore"]),
]

_PLACE = members(lat=NUMBER, lon=NUMBER)
_MAYBE_PLACE = {"oneOf": [ref("Place"), {"type": "null"}]}
_PIECE = {
    "kind": {"enum": ["trip", "stop", "gap"]},
    "start_time": TIME,
    "end_time": TIME,
    "duration_s": NUMBER,
    "cut_start": TRUTH,
    "cut_end": TRUTH,
}
_TRIP = _PIECE | {
    "kind": {"const": "trip"},
    "start": ref("Place"),
    "end": ref("Place"),
    "distance_m": NUMBER,
    "odometer_m": MAYBE_NUMBER,
    "max_speed_kmh": MAYBE_NUMBER,
    "mean_speed_kmh": NUMBER,
    "idle_s": NUMBER,
}
_STOP = _PIECE | {
    "kind": {"const": "stop"},
    "place": ref("Place"),
    "idle_s": NUMBER,
    "silent_s": NUMBER,
}
_GAP_PIECE = _PIECE | {"kind": {"const": "gap"}, "start": _MAYBE_PLACE, "end": _MAYBE_PLACE}
_SUMS = {
    "distance_m": NUMBER,
    "driving_s": NUMBER,
    "idle_s": NUMBER,
    "stopped_s": NUMBER,
    "gap_s": NUMBER,
    "trips": WHOLE,
    "stops": WHOLE,
    "positions": WHOLE,
    "max_speed_kmh": MAYBE_NUMBER,
}
_END = {
    "oneOf": [members(fix_time=TIME, lat=NUMBER, lon=NUMBER), {"type": "null"}],
}
_DAY: dict[str, Any] = {
    "date": {"type": "string", "format": "date"},
    "start_time": TIME,
    "end_time": TIME,
}
_DAY |= _SUMS | {"odometer_m": MAYBE_NUMBER, "first": _END, "last": _END}
_COLUMNS = dict.fromkeys(("t", "lat", "lon", "speed", "course", "flags"), _COLUMN)

_SCHEMAS = {
    "Place": _PLACE,
    "Trip": members(**_TRIP),
    "Stop": members(**_STOP),
    "Gap": members(**_GAP_PIECE),
    "Day": members(**_DAY),
    "Columns": members(**_COLUMNS),
    "Visit": members(
        enter_time=TIME,
        exit_time=TIME,
        duration_s=NUMBER,
        entered=TRUTH,
        left=TRUTH,
        silent_s=NUMBER,
    ),
    "Import": members(
        vehicle=TEXT,
        points=WHOLE,
        imported=WHOLE,
        duplicates=WHOLE,
        rejected=WHOLE,
        first_time=MAYBE_TIME,
        last_time=MAYBE_TIME,
        errors=listed(members(line=WHOLE, error=TEXT)),
    ),
}
_WINDOW = {"from": TIME, "to": TIME}


def _timeline(summary: str, name: str, items: Any) -> dict[str, Any]:
    shape = members(vehicle=TEXT, **_WINDOW, rules={"type": "object"}, **{name: listed(items)})
    return {
        "summary": summary,
        "parameters": [ID, _FROM, _TO, *_RULES],
        "responses": answers(as_json(shape), 400, 401, 404, 503),
    }


_TRACK = {
    "summary": "The track as columns of whole numbers, thinned for drawing, a list of segments",
    "parameters": [ID, _FROM, _TO, _tolerance(TOLERANCE_M), _GAP],
    "responses": answers(
        as_json(
            members(
                vehicle=TEXT,
                **_WINDOW,
                tolerance_m=NUMBER,
                gap_s=NUMBER,
                points=WHOLE,
                segments=listed(ref("Columns")),
            )
        ),
        *(400, 401, 404, 503),
    ),
}
_SUMMARY = {
    "summary": "What a vehicle did, day by day of a time zone",
    "parameters": [
        ID,
        query("from", "First day; default: six days before `to`", type="string", format="date"),
        query("to", "Last day; default: today", type="string", format="date"),
        query("tz", "Time zone of the days, as Europe/Ljubljana; default: UTC"),
        *_RULES,
    ],
    "responses": answers(
        as_json(members(vehicle=TEXT, tz=TEXT, days=listed(ref("Day")), total=members(**_SUMS))),
        *(400, 401, 404, 503),
    ),
}
_MANIFEST = {
    "summary": f"Which blocks of {BLOCK_S} s have data, and how many positions minute by minute",
    "parameters": [ID, _FROM, _TO],
    "responses": answers(
        as_json(
            members(
                vehicle=TEXT,
                **_WINDOW,
                block_s=WHOLE,
                blocks=listed(members(block=WHOLE, minutes=_COLUMN)),
            )
        ),
        *(400, 401, 404, 503),
    ),
}
_BBOX = query("bbox", "west,south,east,north in degrees; west > east crosses the antimeridian")
_BLOCK = {
    "summary": "What vehicles reported in one block, as columns; closed blocks may be kept",
    "parameters": [
        path("block", type="integer", minimum=0),
        query("vehicles", "Ids, separated by commas"),
        _BBOX,
        query("step_s", "At most one fix per step", type="integer", minimum=0, maximum=BLOCK_S),
        query("before", "With the last fix before the block", enum=["true", "false"]),
    ],
    "responses": answers(
        as_json(
            members(
                block=WHOLE,
                block_s=WHOLE,
                start_ms=WHOLE,
                closed=TRUTH,
                vehicles=listed(members(id=TEXT, **_COLUMNS)),
            )
        ),
        *(400, 401, 404, 503),
    )
    | {"304": {"description": "The copy that If-None-Match names is the same"}},
}
_PASSED = answers(
    as_json(
        members(
            **_WINDOW,
            vehicles=listed(members(id=TEXT, name=TEXT, visits=listed(ref("Visit")))),
            next={"type": ["string", "null"]},
        )
    ),
    *(400, 401, 503),
)
_PAGING = [
    query("limit", "Vehicles in one page", type="integer", minimum=1, maximum=1_000),
    query("after", "The `next` of the page before"),
]
_PASSAGES = {
    "summary": "Which vehicles were in an area, and when",
    "parameters": [
        _FROM,
        _TO,
        _BBOX,
        query("circle", "lat,lon,radius_m"),
        query("polygon", "GeoJSON Polygon or MultiPolygon"),
        _GAP,
        *_PAGING,
    ],
    "responses": _PASSED,
}
_PASSAGES_OF = {
    "summary": "The same, with the area in the body; other parameters are members of it",
    "requestBody": {
        "required": True,
        "content": as_json(
            {
                "type": "object",
                "required": ["area"],
                "properties": {
                    "area": {"type": "object", "description": "GeoJSON (Multi)Polygon or Feature"},
                    "from": {"type": ["string", "number"]},
                    "to": {"type": ["string", "number"]},
                    "gap_s": NUMBER,
                    "limit": WHOLE,
                    "after": TEXT,
                },
            }
        ),
    },
    "responses": _PASSED,
}
_EXPORT = {
    "summary": "The track as a file",
    "parameters": [
        ID,
        path("format", enum=["gpx", "csv", "geojson", "kml", "xlsx"]),
        _FROM,
        _TO,
        _tolerance(0.0),
        _GAP,
        query("features", "Of GeoJSON", enum=["lines", "points"]),
    ],
    "responses": answers(
        as_file("application/gpx+xml")
        | as_file("text/csv")
        | as_file("application/geo+json")
        | as_file("application/vnd.google-earth.kml+xml")
        | as_file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        *(400, 401, 404, 503),
        note="The file",
    ),
}
_IMPORT = {
    "summary": "Import a GPX or CSV track into a vehicle's history; nothing is stored twice",
    "parameters": [ID],
    "requestBody": {
        "required": True,
        "content": as_file("application/gpx+xml") | as_file("text/csv"),
    },
    "responses": answers(as_json(ref("Import")), 400, 401, 403, 404, 415, 503),
}
_ERASE = {
    "summary": "Erase everything that is stored of a vehicle's way",
    "parameters": [ID],
    "responses": answers(as_json(members(vehicle=TEXT, erased=WHOLE)), 401, 403, 404, 503),
}

_VEHICLE = "/api/v1/vehicles/{id}"
_PATHS: dict[str, dict[str, Any]] = {
    f"{_VEHICLE}/positions": {"post": _IMPORT, "delete": _ERASE},
    _VEHICLE + "/positions.{format}": {"get": _EXPORT},
    f"{_VEHICLE}/track": {"get": _TRACK},
    f"{_VEHICLE}/timeline": {
        "get": _timeline(
            "Trips, stops and gaps without a hole",
            "pieces",
            {"oneOf": [ref("Trip"), ref("Stop"), ref("Gap")]},
        )
    },
    f"{_VEHICLE}/trips": {"get": _timeline("Trips", "trips", ref("Trip"))},
    f"{_VEHICLE}/stops": {"get": _timeline("Stops", "stops", ref("Stop"))},
    f"{_VEHICLE}/summary": {"get": _SUMMARY},
    f"{_VEHICLE}/playback": {"get": _MANIFEST},
    "/api/v1/playback/{block}": {"get": _BLOCK},
    "/api/v1/passages": {"get": _PASSAGES, "post": _PASSAGES_OF},
}


def add_to(document: dict[str, Any]) -> None:
    """Add paths and schemas, and what the history adds to the path of positions."""
    for address, methods in _PATHS.items():
        document["paths"].setdefault(address, {}).update(methods)
    document["components"]["schemas"].update(_SCHEMAS)
    document["paths"][f"{_VEHICLE}/positions"]["get"]["parameters"] += [_tolerance(0.0), _GAP]
