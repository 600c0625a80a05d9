"""The commands' part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tracker.commands import life
from tracker.model import CommandKind, CommandState
from tracker.web.commands_api import EXPIRES_MOST_S, KEY_MOST, PAGE_MOST
from tracker.web.openapi_terms import (
    ID,
    MAYBE_TEXT,
    MAYBE_TIME,
    TEXT,
    TIME,
    answers,
    as_json,
    listed,
    members,
    ref,
)

_KIND = {"enum": [kind.value for kind in CommandKind]}
_STATES = [state.value for state in CommandState if state is not CommandState.HELD]


_SCHEMAS = {
    "Transition": members(
        time=TIME,
        state={"enum": [state.value for state in CommandState]},
        detail=MAYBE_TEXT,
        node=TEXT,
    ),
    "Command": members(
        id=TEXT,
        vehicle=TEXT,
        kind=_KIND,
        parameters={"type": "object"},
        speed_unknown={"type": "boolean"},
        state={"enum": _STATES},
        created_time=TIME,
        expires_time=TIME,
        sent_time=MAYBE_TIME,
        ended_time=MAYBE_TIME,
        reply=MAYBE_TEXT,
        detail=MAYBE_TEXT,
        node=TEXT,
        transitions=listed(ref("Transition")),
    ),
    "CommandKind": members(
        kind=_KIND,
        supported={"type": "boolean"},
        dangerous={"type": "boolean"},
        replies={"type": "boolean"},
        parameters=listed(
            {
                "type": "object",
                "required": ["name", "type"],
                "properties": {
                    "name": TEXT,
                    "type": {"enum": ["integer", "string"]},
                    "minimum": {"type": "integer"},
                    "maximum": {"type": "integer"},
                    "min_length": {"type": "integer"},
                    "max_length": {"type": "integer"},
                },
            }
        ),
        reason=MAYBE_TEXT,
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
    "parameters": [ID, _KEY],
    "requestBody": {"required": True, "content": as_json(_WISH)},
    "responses": answers(as_json(ref("Command")), 400, 401, 403, 404, 409, 422, 429, 503)
    | {"201": {"description": "It is stored, and on its way", "content": as_json(ref("Command"))}},
}
_LIST = {
    "summary": "What was asked of a vehicle's device, the newest first",
    "parameters": [
        ID,
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
            "schema": TEXT,
        },
    ],
    "responses": answers(
        as_json(members(commands=listed(ref("Command")), next=MAYBE_TEXT)), 400, 401, 404, 503
    ),
}
_PATHS: dict[str, dict[str, Any]] = {
    "/api/v1/vehicles/{id}/commands": {"get": _LIST, "post": _CREATE},
    "/api/v1/vehicles/{id}/command-kinds": {
        "get": {
            "summary": "What a vehicle's device can be asked",
            "parameters": [ID],
            "responses": answers(as_json(members(kinds=listed(ref("CommandKind")))), 401, 404),
        }
    },
    "/api/v1/commands/{id}": {
        "get": {
            "summary": "One command with all its transitions",
            "parameters": [ID],
            "responses": answers(as_json(ref("Command")), 401, 404, 503),
        },
        "delete": {
            "summary": "Take back a command that is not sent",
            "parameters": [ID],
            "responses": answers(as_json(ref("Command")), 401, 403, 404, 409, 503),
        },
    },
}


def add_to(document: dict[str, Any]) -> None:
    """Add paths and schemas."""
    document["paths"].update(_PATHS)
    document["components"]["schemas"].update(_SCHEMAS)
