"""Whether a connection speaks HTTP, and which dialect its first request seems to be.

All dialects have one decoder, which decides anew with each request; a probe only has to find HTTP
and, where the first bytes tell, the name that the connection begins with.
"""

from __future__ import annotations

import re

from tracker.protocols.base import PROBE_LIMIT, Match

METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
HEAD_END = re.compile(rb"\r?\n\r?\n")
LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r?\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
WAITS = re.compile(rb"\nexpect:[ \t]*100-continue", re.IGNORECASE)
COMPRESSED = re.compile(rb"\ncontent-encoding:[ \t]*(?:x-)?(?:gzip|deflate)", re.IGNORECASE)

OWNTRACKS = re.compile(rb'"_type"|\nx-limit-[ud]:', re.IGNORECASE)
FLESPI = re.compile(rb'\n\r?\n(?:[0-9a-f]{1,8}[^\r\n]*\r\n)?\s*\[|"ident"', re.IGNORECASE)
OBJECT = re.compile(rb"\n\r?\n(?:[0-9a-f]{1,8}[^\r\n]*\r\n)?\s*\{", re.IGNORECASE)
OSMAND_JSON = re.compile(rb'"device_id"|"location"')


def dialect(data: bytes) -> str | None:
    """The dialect that a request seems to be; None while its beginning says nothing yet."""
    size = first_request(data)
    first = data[:size]
    if OWNTRACKS.search(first):
        return "owntracks"
    if FLESPI.search(first):
        return "flespi"
    if size is None:
        return "osmand" if len(data) >= PROBE_LIMIT else None
    return "json" if OBJECT.search(first) and not OSMAND_JSON.search(first) else "osmand"


def first_request(data: bytes) -> int | None:
    """The size of the first request, as far as it will come before it is answered; None: more."""
    end = HEAD_END.search(data)
    if end is None:
        return None
    head, body = data[: end.end()], data[end.end() :]
    if WAITS.search(head) or COMPRESSED.search(head):
        return len(data)
    if CHUNKED.search(head):
        return len(data) if body.endswith(b"0\r\n\r\n") else None
    length = LENGTH.search(head)
    size = 0 if length is None else int(length[1])
    return len(head) + size if len(body) >= size else None


def probe(name: str, data: bytes) -> Match:
    """Whether these first bytes of a connection are a request of the dialect `name`."""
    begun = data.lstrip(b"\r\n")
    if not begun.startswith(METHODS):
        may_come = any(method.startswith(begun) for method in METHODS)
        return Match.MORE if may_come and len(data) < PROBE_LIMIT else Match.NO
    found = dialect(begun)
    if found is None:
        return Match.MORE
    return Match.YES if found == name else Match.NO
