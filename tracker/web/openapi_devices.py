"""The part of the OpenAPI document that is about the devices' ports."""

from __future__ import annotations

from typing import Any

from tracker.devices.strangers import Why
from tracker.web.openapi_terms import TEXT, TIME, answers, as_json, listed, members, ref

_COUNT = {"type": "integer", "minimum": 0}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}


_UNKNOWN = members(
    reason={"enum": [why.value for why in Why]},
    transport={"enum": ["tcp", "tls", "udp"]},
    port=_COUNT,
    address=TEXT,
    first_time=TIME,
    last_time=TIME,
    count=_COUNT,
    protocol={"type": ["string", "null"]},
    nearest=listed(TEXT),
    mark={"type": ["string", "null"]},
    hex={"type": "string", "pattern": "^([0-9a-f]{2})*$", "maxLength": 512},
    text={"type": "string", "maxLength": 256},
)
_PORT = members(
    address=TEXT,
    protocols={"type": ["array", "null"], "items": TEXT},
    tls={"enum": ["refused", "accepted", "required"]},
    udp={"type": "boolean"},
)
_PROTOCOL = members(protocol=TEXT, messages=_COUNT, damaged=_COUNTS)
_OVERVIEW = members(
    ports=listed(_PORT),
    tls={"type": "boolean"},
    connections=_COUNT,
    datagram_sources=_COUNT,
    pending=_COUNT,
    protocols=listed(_PROTOCOL),
    closed=_COUNTS,
    dropped=_COUNTS,
)


def add_to(document: dict[str, Any]) -> None:
    """Add the paths and what they refer to."""
    document["components"]["schemas"]["UnknownConnection"] = _UNKNOWN
    document["paths"] |= {
        "/api/v1/devices": {
            "get": {
                "summary": "Ports of the devices, and their frames by protocol",
                "responses": answers(as_json(_OVERVIEW), 401, 403),
            }
        },
        "/api/v1/devices/unknown": {
            "get": {
                "summary": "First bytes of connections and datagrams that were not understood",
                "responses": answers(
                    as_json(
                        members(
                            unknown=listed(ref("UnknownConnection")), limit=_COUNT, forgotten=_COUNT
                        )
                    ),
                    401,
                    403,
                ),
            },
            "delete": {
                "summary": "Forget them",
                "responses": answers(as_json(members(cleared=_COUNT)), 401, 403),
            },
        },
    }
