"""The relay's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tracker.brokers import DEVICE_ID_MOST, TOPIC_MOST
from tracker.mqtt.requests import Code
from tracker.web.relay_api import NDJSON, STATUS

_REQUEST = {
    "type": "object",
    "required": ["device_id", "topic", "message"],
    "properties": {
        "id": {"description": "Comes back with the answer"},
        "device_id": {
            "oneOf": [
                {"type": "string", "minLength": 1, "maxLength": DEVICE_ID_MOST},
                {"type": "integer"},
            ]
        },
        "topic": {"type": "string", "minLength": 1, "maxLength": TOPIC_MOST},
        "message": {"description": "Text as it is; any other JSON is sent as JSON"},
        "encoding": {"enum": ["base64"], "description": "The message is text in base64"},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["id", "code", "result"],
    "properties": {
        "id": {"description": "The request's; without one null, or the number of its line"},
        "code": {"enum": [int(code) for code in Code]},
        "result": {"enum": [code.word for code in Code]},
        "detail": {"type": "string"},
    },
}


def _ref(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": _ref("Problem")}}


def add_to(document: dict[str, Any]) -> None:
    """Add the path and its schemas."""
    document["components"]["schemas"] |= {"RelayRequest": _REQUEST, "RelayAnswer": _ANSWER}
    refusals: dict[str, Any] = {"401": _problem("No token"), "403": _problem("From elsewhere")}
    for code, status in STATUS.items():
        known = refusals.get(str(int(status)), {}).get("description")
        refusals[str(int(status))] = _problem(f"{known}, {code.word}" if known else code.word)
    document["paths"]["/api/v1/relay"] = {
        "post": {
            "summary": "Publish messages to the brokers of their devices",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": _ref("RelayRequest"),
                    NDJSON: {"schema": {"type": "string"}},
                },
            },
            "responses": {
                "200": {
                    "description": "The broker has confirmed it; NDJSON: an answer for each line",
                    "content": {
                        "application/json": _ref("RelayAnswer"),
                        NDJSON: {"schema": {"type": "string"}},
                    },
                },
                **refusals,
            },
        }
    }
