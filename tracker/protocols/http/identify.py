"""Who sent a request of OwnTracks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tracker.protocols.documents import said
from tracker.protocols.documents.owntracks import BASE, ident_of_topic
from tracker.protocols.http.wire import Request


def owntracks_ident(record: Mapping[str, Any], request: Request) -> str:
    """By topic, else by user and device of headers or query, else by `tid`. Raises DecodeError."""
    topic = record.get("topic")
    if isinstance(topic, str) and topic.strip("/"):
        return said.identity(ident_of_topic(topic))
    query = {name: values[0] for name, values in parse_qs(request.query, max_num_fields=50).items()}
    user = request.headers.get("x-limit-u") or query.get("u")
    device = request.headers.get("x-limit-d") or query.get("d")
    if user and device:
        return said.identity(f"{BASE}/{user}/{device}")
    return said.identity(device or record.get("tid") or user)
