"""The part of the OpenAPI document that is about the devices' ports."""

from __future__ import annotations

from typing import Any

from tracker.strangers import Why

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_TIME = {"type": "string", "format": "date-time"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_UNKNOWN = _object(
    reason={"enum": [why.value for why in Why]},
    transport={"enum": ["tcp", "tls", "udp"]},
    port=_COUNT,
    address=_TEXT,
    first_time=_TIME,
    last_time=_TIME,
    count=_COUNT,
    protocol={"type": ["string", "null"]},
    nearest=_list(_TEXT),
    mark={"type": ["string", "null"]},
    hex={"type": "string", "pattern": "^([0-9a-f]{2})*$", "maxLength": 512},
    text={"type": "string", "maxLength": 256},
)
_PORT = _object(
    address=_TEXT,
    protocols={"type": ["array", "null"], "items": _TEXT},
    tls={"enum": ["refused", "accepted", "required"]},
    udp={"type": "boolean"},
)
_PROTOCOL = _object(protocol=_TEXT, messages=_COUNT, damaged=_COUNTS)
_OVERVIEW = _object(
    ports=_list(_PORT),
    tls={"type": "boolean"},
    connections=_COUNT,
    datagram_sources=_COUNT,
    pending=_COUNT,
    protocols=_list(_PROTOCOL),
    closed=_COUNTS,
    dropped=_COUNTS,
)


def _answers(schema: dict[str, Any]) -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "200": {"description": "It is so", "content": {"application/json": {"schema": schema}}}
    } | {
        code: {"description": "It is not", "content": {"application/problem+json": problem}}
        for code in ("401", "403")
    }


def add_to(document: dict[str, Any]) -> None:
    """Add the paths and what they refer to."""
    document["components"]["schemas"]["UnknownConnection"] = _UNKNOWN
    unknown = {"$ref": "#/components/schemas/UnknownConnection"}
    document["paths"] |= {
        "/api/v1/devices": {
            "get": {
                "summary": "Ports of the devices, and their frames by protocol",
                "responses": _answers(_OVERVIEW),
            }
        },
        "/api/v1/devices/unknown": {
            "get": {
                "summary": "First bytes of connections and datagrams that were not understood",
                "responses": _answers(
                    _object(unknown=_list(unknown), limit=_COUNT, forgotten=_COUNT)
                ),
            },
            "delete": {
                "summary": "Forget them",
                "responses": _answers(_object(cleared=_COUNT)),
            },
        },
    }
