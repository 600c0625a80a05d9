"""What the bodies of requests must be."""

from __future__ import annotations

from typing import Any

import orjson

from tracker.errors import RequestError


def json_object(body: bytes) -> dict[str, Any]:
    """The members of a JSON object. Raises RequestError for anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise RequestError(f"the body is not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise RequestError("the body must be a JSON object")
    return found
