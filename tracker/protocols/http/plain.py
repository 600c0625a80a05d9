"""Requests of which nothing needs thought, as nearly all devices send them: read without h11.

    GET|POST|PUT target HTTP/1.1, fields on one line each, none of them twice, and the whole body

What is read here is verified as strictly as h11 does, and whatever is not of this form is h11's to
judge: this module never refuses anything. Fields that were verified once are remembered, for a
device sends the same with each request. Grammar: RFC 9110 section 5, RFC 9112 sections 3 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

METHODS = (b"GET", b"POST", b"PUT")
FIELDS_MOST = 1_024  # bytes of fields that are remembered: devices send a few hundred
FIELD_COUNT_MOST = 30
REMEMBERED = 512  # of such fields: below 4 MB together

LINE = re.compile(rb"(GET|POST|PUT) ([!-~]+) HTTP/1\.1")
FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)*\r\n")
SIZE = re.compile(r"\d{1,9}", re.ASCII)
# Fields that change how a request is read, or what is to be done before it is.
NOT_PLAIN = frozenset({"transfer-encoding", "expect", "upgrade"})


class Plain(NamedTuple):
    """A request whose body, of `size` bytes, is there. `last`: the connection ends with it."""

    method: bytes
    target: str
    headers: Mapping[str, str]
    size: int
    last: bool


def plain(head: bytes, behind: bytearray, body_most: int) -> Plain | None:
    """The request of this head and of the bytes behind it, None where h11 is to judge it."""
    line, _, fields = head.partition(b"\r\n")
    found = LINE.fullmatch(line)
    if found is None or len(fields) > FIELDS_MOST:
        return None
    known = verified(fields)
    if known is None or known[1] > min(len(behind), body_most):
        return None
    headers, size, last = known
    return Plain(found[1], found[2].decode("ascii"), headers, size, last)


@lru_cache(maxsize=REMEMBERED)
def verified(fields: bytes) -> tuple[Mapping[str, str], int, bool] | None:
    """(names in lower case and values, size of the body, whether to close behind it), or None."""
    if FIELDS.fullmatch(fields) is None:
        return None
    headers: dict[str, str] = {}
    lines = fields.decode("ascii").split("\r\n")[:-2]
    if len(lines) > FIELD_COUNT_MOST:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in headers or name in NOT_PLAIN:
            return None
        headers[name] = value.strip(" \t")
    size, wish = headers.get("content-length", "0"), headers.get("connection", "").lower()
    if SIZE.fullmatch(size) is None or wish not in ("", "keep-alive", "close"):
        return None
    return headers, int(size), wish == "close"
