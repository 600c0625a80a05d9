"""The REST interface as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

import tracker
from tracker.model import State
from tracker.web import openapi_commands, openapi_devices, openapi_history, openapi_relay
from tracker.web.openapi_terms import (
    ID,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_TIME,
    MAYBE_TRUTH,
    TEXT,
    answers,
    as_json,
    listed,
    members,
    query,
    ref,
)

_POSITION = {
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
    "speed_kmh": MAYBE_NUMBER,
    "course_deg": MAYBE_NUMBER,
    "altitude_m": MAYBE_NUMBER,
    "fix_time": MAYBE_TIME,
    "received_time": MAYBE_TIME,
    "satellites": {"type": ["integer", "null"]},
    "valid": {"type": "boolean"},
}
_STORED = _POSITION | {
    "ignition": MAYBE_TRUTH,
    "stored": {"type": "boolean"},
    "alarms": listed(TEXT),
    "attributes": {"type": "object"},
}
_VEHICLE = {
    "id": TEXT,
    "name": TEXT,
    "device": TEXT,
    "protocol": TEXT,
    "fleet": TEXT,
    "group": TEXT,
    "status": {"enum": ["active", "pending"]},
    "state": {"enum": [*(state.label for state in State), "pending"]},
    "state_since": MAYBE_TIME,
    "contact_time": MAYBE_TIME,
    "ignition": MAYBE_TRUTH,
    "alarms": listed(TEXT),
    "attributes": {"type": "object"},
    "position": {"oneOf": [ref("Position"), {"type": "null"}]},
}
_PROBLEM = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "code": TEXT,
    "detail": TEXT,
}
_CHANGE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 80},
        "group": {"type": "string", "maxLength": 200},
        "status": {"enum": ["active", "pending"]},
        "utc_offset_s": {"type": ["integer", "null"], "minimum": -50400, "maximum": 50400},
        "datum": {"enum": ["wgs84", "gcj02", "bd09"]},
    },
}


_AFTER = query("after", "The `next` of the page before")
_MOMENT = "RFC 3339 time or Unix seconds"

_LIST = {
    "summary": "Vehicles with their latest state, in order of id",
    "parameters": [
        query("device", "The identity that a tracker reports"),
        query("q", "Words that must be in the name, the device or the id"),
        query("state", "Only this state", enum=[*(s.label for s in State), "pending"]),
        query("fleet", "Only this fleet"),
        query("group", "Only this group and those within it"),
        query("bbox", "west,south,east,north in degrees"),
        query("limit", "Vehicles in one page", type="integer", minimum=1, maximum=20_000),
        _AFTER,
    ],
    "responses": answers(
        as_json(
            members(vehicles=listed(ref("Vehicle")), total={"type": "integer"}, next=MAYBE_TEXT)
        ),
        400,
        401,
    ),
}
_ONE = {
    "summary": "One vehicle",
    "parameters": [ID],
    "responses": answers(as_json(ref("Vehicle")), 401, 404),
}
_PATCH = {
    "summary": "Change a vehicle's static data, or admit its device",
    "parameters": [ID],
    "requestBody": {"required": True, "content": as_json(_CHANGE)},
    "responses": answers(as_json(ref("Vehicle")), 400, 401, 403, 404),
}
_TRACK = {
    "summary": "The stored track in order of fix_time; NDJSON with Accept: application/x-ndjson",
    "parameters": [
        ID,
        query("from", f"{_MOMENT}; default: a day before `to`"),
        query("to", f"{_MOMENT}; default: now"),
        query("limit", "Positions in one page", type="integer", minimum=1, maximum=10_000),
        _AFTER,
    ],
    "responses": answers(
        as_json(members(vehicle=TEXT, positions=listed(ref("StoredPosition")), next=MAYBE_TEXT)),
        400,
        401,
        404,
        503,
    ),
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tracker",
        "version": tracker.__version__,
        "description": "Vehicles and their tracks. The live feed is /api/v1/live (WebSocket).",
    },
    "security": [{}, {"token": []}],
    "paths": {
        "/api/v1/vehicles": {"get": _LIST},
        "/api/v1/vehicles/{id}": {"get": _ONE, "patch": _PATCH},
        "/api/v1/vehicles/{id}/positions": {"get": _TRACK},
    },
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Position": members(**_POSITION),
            "StoredPosition": members(**_STORED),
            "Vehicle": members(**_VEHICLE),
            "Problem": members(**_PROBLEM),
        },
    },
}
openapi_devices.add_to(DOCUMENT)
openapi_history.add_to(DOCUMENT)
openapi_commands.add_to(DOCUMENT)
openapi_relay.add_to(DOCUMENT)
_BODY = orjson.dumps(DOCUMENT)


async def document(_request: web.Request) -> web.Response:
    """GET /api/v1/openapi.json."""
    return web.Response(body=_BODY, content_type="application/json")
