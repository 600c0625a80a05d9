"""The history's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tracker.history.pieces import Rules
from tracker.history.playback import BLOCK_S
from tracker.history.track import GAP_S
from tracker.web.history_api import TOLERANCE_M

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_WHOLE = {"type": "integer"}
_TRUTH = {"type": "boolean"}
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_NUMBER = {"type": ["number", "null"]}
_COLUMN = {"type": "array", "items": _WHOLE}
_USUAL = Rules()


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, text: str, **schema: Any) -> dict[str, Any]:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _path(name: str, **schema: Any) -> dict[str, Any]:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _answers(content: dict[str, Any], *codes: int, note: str = "It is so") -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"200": {"description": note, "content": content}} | {
        str(code): {"description": "It is not", "content": problem} for code in codes
    }


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _file(content_type: str) -> dict[str, Any]:
    return {content_type: {"schema": {"type": "string", "format": "binary"}}}


_ID = _path("id")
_FROM = _query("from", "RFC 3339 time or Unix seconds; default: a day before `to`")
_TO = _query("to", "RFC 3339 time or Unix seconds; default: now")
_GAP = _query(
    "gap_s",
    "No line over a longer silence",
    type="number",
    minimum=1,
    maximum=86_400,
    default=GAP_S,
)


def _tolerance(default: float) -> dict[str, Any]:
    text = "Metres by which the line may differ from the stored one; 0: every point"
    return _query("tolerance_m", text, type="number", minimum=0, maximum=100_000, default=default)


def _rule(name: str, text: str, low: float, high: float) -> dict[str, Any]:
    default = getattr(_USUAL, name)
    return _query(name, text, type="number", minimum=low, maximum=high, default=default)


_RULES = [
    _rule("stop_speed_kmh", "Below it a vehicle may be standing", 0.5, 50),
    _rule("stop_radius_m", "Within it, it may be standing", 5, 2_000),
    _rule("stop_s", "After so long it stands", 10, 86_400),
    _rule("min_trip_m", "A trip comes so far from its start", 0, 100_000),
    _rule("min_trip_s", "A trip lasts so long", 0, 86_400),
    _GAP,
    _query("ignition", "Whether an ignition that is off is a stop", enum=["use", "ignore"]),
]

_PLACE = _object(lat=_NUMBER, lon=_NUMBER)
_MAYBE_PLACE = {"oneOf": [_ref("Place"), {"type": "null"}]}
_PIECE = {
    "kind": {"enum": ["trip", "stop", "gap"]},
    "start_time": _TIME,
    "end_time": _TIME,
    "duration_s": _NUMBER,
    "cut_start": _TRUTH,
    "cut_end": _TRUTH,
}
_TRIP = _PIECE | {
    "kind": {"const": "trip"},
    "start": _ref("Place"),
    "end": _ref("Place"),
    "distance_m": _NUMBER,
    "odometer_m": _MAYBE_NUMBER,
    "max_speed_kmh": _MAYBE_NUMBER,
    "mean_speed_kmh": _NUMBER,
    "idle_s": _NUMBER,
}
_STOP = _PIECE | {
    "kind": {"const": "stop"},
    "place": _ref("Place"),
    "idle_s": _NUMBER,
    "silent_s": _NUMBER,
}
_GAP_PIECE = _PIECE | {"kind": {"const": "gap"}, "start": _MAYBE_PLACE, "end": _MAYBE_PLACE}
_SUMS = {
    "distance_m": _NUMBER,
    "driving_s": _NUMBER,
    "idle_s": _NUMBER,
    "stopped_s": _NUMBER,
    "gap_s": _NUMBER,
    "trips": _WHOLE,
    "stops": _WHOLE,
    "positions": _WHOLE,
    "max_speed_kmh": _MAYBE_NUMBER,
}
_END = {
    "oneOf": [_object(fix_time=_TIME, lat=_NUMBER, lon=_NUMBER), {"type": "null"}],
}
_DAY: dict[str, Any] = {
    "date": {"type": "string", "format": "date"},
    "start_time": _TIME,
    "end_time": _TIME,
}
_DAY |= _SUMS | {"odometer_m": _MAYBE_NUMBER, "first": _END, "last": _END}
_COLUMNS = dict.fromkeys(("t", "lat", "lon", "speed", "course", "flags"), _COLUMN)

_SCHEMAS = {
    "Place": _PLACE,
    "Trip": _object(**_TRIP),
    "Stop": _object(**_STOP),
    "Gap": _object(**_GAP_PIECE),
    "Day": _object(**_DAY),
    "Columns": _object(**_COLUMNS),
    "Visit": _object(
        enter_time=_TIME,
        exit_time=_TIME,
        duration_s=_NUMBER,
        entered=_TRUTH,
        left=_TRUTH,
        silent_s=_NUMBER,
    ),
    "Import": _object(
        vehicle=_TEXT,
        points=_WHOLE,
        imported=_WHOLE,
        duplicates=_WHOLE,
        rejected=_WHOLE,
        first_time=_MAYBE_TIME,
        last_time=_MAYBE_TIME,
        errors=_list(_object(line=_WHOLE, error=_TEXT)),
    ),
}
_WINDOW = {"from": _TIME, "to": _TIME}


def _timeline(summary: str, name: str, items: Any) -> dict[str, Any]:
    shape = _object(vehicle=_TEXT, **_WINDOW, rules={"type": "object"}, **{name: _list(items)})
    return {
        "summary": summary,
        "parameters": [_ID, _FROM, _TO, *_RULES],
        "responses": _answers(_json(shape), 400, 401, 404, 503),
    }


_TRACK = {
    "summary": "The track as columns of whole numbers, thinned for drawing, a list of segments",
    "parameters": [_ID, _FROM, _TO, _tolerance(TOLERANCE_M), _GAP],
    "responses": _answers(
        _json(
            _object(
                vehicle=_TEXT,
                **_WINDOW,
                tolerance_m=_NUMBER,
                gap_s=_NUMBER,
                points=_WHOLE,
                segments=_list(_ref("Columns")),
            )
        ),
        *(400, 401, 404, 503),
    ),
}
_SUMMARY = {
    "summary": "What a vehicle did, day by day of a time zone",
    "parameters": [
        _ID,
        _query("from", "First day; default: six days before `to`", type="string", format="date"),
        _query("to", "Last day; default: today", type="string", format="date"),
        _query("tz", "Time zone of the days, as Europe/Ljubljana; default: UTC"),
        *_RULES,
    ],
    "responses": _answers(
        _json(_object(vehicle=_TEXT, tz=_TEXT, days=_list(_ref("Day")), total=_object(**_SUMS))),
        *(400, 401, 404, 503),
    ),
}
_MANIFEST = {
    "summary": f"Which blocks of {BLOCK_S} s have data, and how many positions minute by minute",
    "parameters": [_ID, _FROM, _TO],
    "responses": _answers(
        _json(
            _object(
                vehicle=_TEXT,
                **_WINDOW,
                block_s=_WHOLE,
                blocks=_list(_object(block=_WHOLE, minutes=_COLUMN)),
            )
        ),
        *(400, 401, 404, 503),
    ),
}
_BBOX = _query("bbox", "west,south,east,north in degrees; west > east crosses the antimeridian")
_BLOCK = {
    "summary": "What vehicles reported in one block, as columns; closed blocks may be kept",
    "parameters": [
        _path("block", type="integer", minimum=0),
        _query("vehicles", "Ids, separated by commas"),
        _BBOX,
        _query("step_s", "At most one fix per step", type="integer", minimum=0, maximum=BLOCK_S),
        _query("before", "With the last fix before the block", enum=["true", "false"]),
    ],
    "responses": _answers(
        _json(
            _object(
                block=_WHOLE,
                block_s=_WHOLE,
                start_ms=_WHOLE,
                closed=_TRUTH,
                vehicles=_list(_object(id=_TEXT, **_COLUMNS)),
            )
        ),
        *(400, 401, 404, 503),
    )
    | {"304": {"description": "The copy that If-None-Match names is the same"}},
}
_PASSED = _answers(
    _json(
        _object(
            **_WINDOW,
            vehicles=_list(_object(id=_TEXT, name=_TEXT, visits=_list(_ref("Visit")))),
            next={"type": ["string", "null"]},
        )
    ),
    *(400, 401, 503),
)
_PAGING = [
    _query("limit", "Vehicles in one page", type="integer", minimum=1, maximum=1_000),
    _query("after", "The `next` of the page before"),
]
_PASSAGES = {
    "summary": "Which vehicles were in an area, and when",
    "parameters": [
        _FROM,
        _TO,
        _BBOX,
        _query("circle", "lat,lon,radius_m"),
        _query("polygon", "GeoJSON Polygon or MultiPolygon"),
        _GAP,
        *_PAGING,
    ],
    "responses": _PASSED,
}
_PASSAGES_OF = {
    "summary": "The same, with the area in the body; other parameters are members of it",
    "requestBody": {
        "required": True,
        "content": _json(
            {
                "type": "object",
                "required": ["area"],
                "properties": {
                    "area": {"type": "object", "description": "GeoJSON (Multi)Polygon or Feature"},
                    "from": {"type": ["string", "number"]},
                    "to": {"type": ["string", "number"]},
                    "gap_s": _NUMBER,
                    "limit": _WHOLE,
                    "after": _TEXT,
                },
            }
        ),
    },
    "responses": _PASSED,
}
_EXPORT = {
    "summary": "The track as a file",
    "parameters": [
        _ID,
        _path("format", enum=["gpx", "csv", "geojson", "kml", "xlsx"]),
        _FROM,
        _TO,
        _tolerance(0.0),
        _GAP,
        _query("features", "Of GeoJSON", enum=["lines", "points"]),
    ],
    "responses": _answers(
        _file("application/gpx+xml")
        | _file("text/csv")
        | _file("application/geo+json")
        | _file("application/vnd.google-earth.kml+xml")
        | _file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        *(400, 401, 404, 503),
        note="The file",
    ),
}
_IMPORT = {
    "summary": "Import a GPX or CSV track into a vehicle's history; nothing is stored twice",
    "parameters": [_ID],
    "requestBody": {
        "required": True,
        "content": _file("application/gpx+xml") | _file("text/csv"),
    },
    "responses": _answers(_json(_ref("Import")), 400, 401, 403, 404, 415, 503),
}
_ERASE = {
    "summary": "Erase everything that is stored of a vehicle's way",
    "parameters": [_ID],
    "responses": _answers(_json(_object(vehicle=_TEXT, erased=_WHOLE)), 401, 403, 404, 503),
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
            {"oneOf": [_ref("Trip"), _ref("Stop"), _ref("Gap")]},
        )
    },
    f"{_VEHICLE}/trips": {"get": _timeline("Trips", "trips", _ref("Trip"))},
    f"{_VEHICLE}/stops": {"get": _timeline("Stops", "stops", _ref("Stop"))},
    f"{_VEHICLE}/summary": {"get": _SUMMARY},
    f"{_VEHICLE}/playback": {"get": _MANIFEST},
    "/api/v1/playback/{block}": {"get": _BLOCK},
    "/api/v1/passages": {"get": _PASSAGES, "post": _PASSAGES_OF},
}


def add_to(document: dict[str, Any]) -> None:
    """Add paths and schemas, and what the history adds to the path of positions."""
    for path, methods in _PATHS.items():
        document["paths"].setdefault(path, {}).update(methods)
    document["components"]["schemas"].update(_SCHEMAS)
    document["paths"][f"{_VEHICLE}/positions"]["get"]["parameters"] += [_tolerance(0.0), _GAP]
