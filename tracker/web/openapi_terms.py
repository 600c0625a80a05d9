"""Words that every part of the OpenAPI document is written in."""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
NUMBER = {"type": "number"}
MAYBE_NUMBER = {"type": ["number", "null"]}
WHOLE = {"type": "integer"}
TRUTH = {"type": "boolean"}
MAYBE_TRUTH = {"type": ["boolean", "null"]}
TIME = {"type": "string", "format": "date-time"}
MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}


def members(**properties: Any) -> dict[str, Any]:
    """An object with all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def listed(items: Any) -> dict[str, Any]:
    """A list of these."""
    return {"type": "array", "items": items}


def ref(name: str) -> dict[str, str]:
    """A schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def query(name: str, text: str, **schema: Any) -> dict[str, Any]:
    """A parameter of the query; text unless it is said."""
    return {"name": name, "in": "query", "description": text, "schema": schema or TEXT}


def path(name: str, **schema: Any) -> dict[str, Any]:
    """A part of the address; text unless it is said."""
    return {"name": name, "in": "path", "required": True, "schema": schema or TEXT}


def as_json(schema: Any) -> dict[str, Any]:
    """Content in JSON."""
    return {"application/json": {"schema": schema}}


def as_file(content_type: str) -> dict[str, Any]:
    """Content that is saved as it is."""
    return {content_type: {"schema": {"type": "string", "format": "binary"}}}


def answers(content: dict[str, Any], *codes: int, note: str = "It is so") -> dict[str, Any]:
    """200 with this content, and problems with these codes."""
    problem = {"application/problem+json": {"schema": ref("Problem")}}
    return {"200": {"description": note, "content": content}} | {
        str(code): {"description": "It is not", "content": problem} for code in codes
    }


ID = path("id")
