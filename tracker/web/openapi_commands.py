"""The commands' part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tracker.commands import life
from tracker.model import CommandKind, CommandState
from tracker.web.commands_api import EXPIRES_MOST_S, KEY_MOST, PAGE_MOST

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_KIND = {"enum": [kind.value for kind in CommandKind]}
_STATES = [state.value for state in CommandState if state is not CommandState.HELD]


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answers(schema: Any, *codes: int) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"200": {"description": "It is so", "content": _json(schema)}} | {
        str(code): {"description": "It is not", "content": problem} for code in codes
    }


_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_SCHEMAS = {
    "Transition": _object(
        time=_TIME,
        state={"enum": [state.value for state in CommandState]},
        detail=_MAYBE_TEXT,
        node=_TEXT,
    ),
    "Command": _object(
        id=_TEXT,
        vehicle=_TEXT,
        kind=_KIND,
        parameters={"type": "object"},
        speed_unknown={"type": "boolean"},
        state={"enum": _STATES},
        created_time=_TIME,
        expires_time=_TIME,
        sent_time=_MAYBE_TIME,
        ended_time=_MAYBE_TIME,
        reply=_MAYBE_TEXT,
        detail=_MAYBE_TEXT,
        node=_TEXT,
        transitions=_list(_ref("Transition")),
    ),
    "CommandKind": _object(
        kind=_KIND,
        supported={"type": "boolean"},
        dangerous={"type": "boolean"},
        replies={"type": "boolean"},
        parameters=_list(
            {
                "type": "object",
                "required": ["name", "type"],
                "properties": {
                    "name": _TEXT,
                    "type": {"enum": ["integer", "string"]},
                    "minimum": {"type": "integer"},
                    "maximum": {"type": "integer"},
                    "min_length": {"type": "integer"},
                    "max_length": {"type": "integer"},
                },
            }
        ),
        reason=_MAYBE_TEXT,
    ),
}
_WISH = {
    "type": "object",
    "required": ["kind"],
    "additionalProperties": False,
    "properties": {
        "kind": _KIND,
        "parameters": {"type": "object"},
        "expires_s": {"type": ["number", "null"], "minimum": 1, "maximum": EXPIRES_MOST_S},
        "confirm": {
            "type": ["string", "null"],
            "description": "The identity of the vehicle's device; for "
            + ", ".join(kind.value for kind in life.DANGEROUS),
        },
        life.SPEED_UNKNOWN: {
            "type": "boolean",
            "description": "An engine_cut is meant although the vehicle's speed is not known",
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key for the same vehicle is the same command",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MOST},
}
_CREATE = {
    "summary": "Ask something of a vehicle's device",
    "parameters": [_ID, _KEY],
    "requestBody": {"required": True, "content": _json(_WISH)},
    "responses": _answers(_ref("Command"), 400, 401, 403, 404, 409, 422, 429, 503)
    | {"201": {"description": "It is stored, and on its way", "content": _json(_ref("Command"))}},
}
_LIST = {
    "summary": "What was asked of a vehicle's device, the newest first",
    "parameters": [
        _ID,
        {
            "name": "limit",
            "in": "query",
            "description": "Commands in one page",
            "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MOST},
        },
        {
            "name": "before",
            "in": "query",
            "description": "The `next` of the page before",
            "schema": _TEXT,
        },
    ],
    "responses": _answers(
        _object(commands=_list(_ref("Command")), next=_MAYBE_TEXT), 400, 401, 404, 503
    ),
}
_PATHS: dict[str, dict[str, Any]] = {
    "/api/v1/vehicles/{id}/commands": {"get": _LIST, "post": _CREATE},
    "/api/v1/vehicles/{id}/command-kinds": {
        "get": {
            "summary": "What a vehicle's device can be asked",
            "parameters": [_ID],
            "responses": _answers(_object(kinds=_list(_ref("CommandKind"))), 401, 404),
        }
    },
    "/api/v1/commands/{id}": {
        "get": {
            "summary": "One command with all its transitions",
            "parameters": [_ID],
            "responses": _answers(_ref("Command"), 401, 404, 503),
        },
        "delete": {
            "summary": "Take back a command that is not sent",
            "parameters": [_ID],
            "responses": _answers(_ref("Command"), 401, 403, 404, 409, 503),
        },
    },
}


def add_to(document: dict[str, Any]) -> None:
    """Add paths and schemas."""
    document["paths"].update(_PATHS)
    document["components"]["schemas"].update(_SCHEMAS)
