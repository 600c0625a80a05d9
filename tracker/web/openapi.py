"""The REST interface as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

import tracker
from tracker.model import State
from tracker.web import openapi_commands, openapi_devices, openapi_history, openapi_relay

_TIME = {"type": ["string", "null"], "format": "date-time"}
_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_POSITION = {
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
    "speed_kmh": _NUMBER,
    "course_deg": _NUMBER,
    "altitude_m": _NUMBER,
    "fix_time": _TIME,
    "received_time": _TIME,
    "satellites": {"type": ["integer", "null"]},
    "valid": {"type": "boolean"},
}
_STORED = _POSITION | {
    "ignition": {"type": ["boolean", "null"]},
    "stored": {"type": "boolean"},
    "alarms": {"type": "array", "items": _TEXT},
    "attributes": {"type": "object"},
}
_VEHICLE = {
    "id": _TEXT,
    "name": _TEXT,
    "device": _TEXT,
    "protocol": _TEXT,
    "fleet": _TEXT,
    "group": _TEXT,
    "status": {"enum": ["active", "pending"]},
    "state": {"enum": [*(state.label for state in State), "pending"]},
    "state_since": _TIME,
    "contact_time": _TIME,
    "ignition": {"type": ["boolean", "null"]},
    "alarms": {"type": "array", "items": _TEXT},
    "attributes": {"type": "object"},
    "position": {"oneOf": [_ref("Position"), {"type": "null"}]},
}
_PROBLEM = {
    "type": _TEXT,
    "title": _TEXT,
    "status": {"type": "integer"},
    "code": _TEXT,
    "detail": _TEXT,
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


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answers(schema: dict[str, Any], *codes: int) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"200": {"description": "It is so", "content": _json(schema)}} | {
        str(code): {"description": "It is not", "content": problem} for code in codes
    }


def _query(name: str, text: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": text,
        "schema": schema or {"type": "string"},
    }


_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_AFTER = _query("after", "The `next` of the page before")
_MOMENT = "RFC 3339 time or Unix seconds"

_LIST = {
    "summary": "Vehicles with their latest state, in order of id",
    "parameters": [
        _query("device", "The identity that a tracker reports"),
        _query("q", "Words that must be in the name, the device or the id"),
        _query("state", "Only this state", enum=[*(s.label for s in State), "pending"]),
        _query("fleet", "Only this fleet"),
        _query("group", "Only this group and those within it"),
        _query("bbox", "west,south,east,north in degrees"),
        _query("limit", "Vehicles in one page", type="integer", minimum=1, maximum=20_000),
        _AFTER,
    ],
    "responses": _answers(
        _object(
            {
                "vehicles": {"type": "array", "items": _ref("Vehicle")},
                "total": {"type": "integer"},
                "next": {"type": ["string", "null"]},
            }
        ),
        400,
        401,
    ),
}
_ONE = {
    "summary": "One vehicle",
    "parameters": [_ID],
    "responses": _answers(_ref("Vehicle"), 401, 404),
}
_PATCH = {
    "summary": "Change a vehicle's static data, or admit its device",
    "parameters": [_ID],
    "requestBody": {"required": True, "content": _json(_CHANGE)},
    "responses": _answers(_ref("Vehicle"), 400, 401, 403, 404),
}
_TRACK = {
    "summary": "The stored track in order of fix_time; NDJSON with Accept: application/x-ndjson",
    "parameters": [
        _ID,
        _query("from", f"{_MOMENT}; default: a day before `to`"),
        _query("to", f"{_MOMENT}; default: now"),
        _query("limit", "Positions in one page", type="integer", minimum=1, maximum=10_000),
        _AFTER,
    ],
    "responses": _answers(
        _object(
            {
                "vehicle": _TEXT,
                "positions": {"type": "array", "items": _ref("StoredPosition")},
                "next": {"type": ["string", "null"]},
            }
        ),
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
            "Position": _object(_POSITION),
            "StoredPosition": _object(_STORED),
            "Vehicle": _object(_VEHICLE),
            "Problem": _object(_PROBLEM),
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
