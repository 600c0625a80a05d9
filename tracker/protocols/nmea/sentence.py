"""Lines of NMEA 0183: their checksum, their fields, and what may stand around a sentence.

    [identity] $ name , fields [* checksum, two hex digits [, more fields]] CR LF

The checksum is the XOR of all between $ and *. Source: docs/protocols/nmea.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.checks import xor8

# NMEA 0183 allows 82 characters; receivers and identities in front go beyond that.
LINE_MOST = 1024

SENTENCE = re.compile(
    r"(?P<prefix>[^$]*)\$(?P<body>[^$*]+)"
    r"(?:\*\s*(?P<check>[0-9A-Fa-f]{2})(?:,(?P<behind>[^$*]*))?|\*)?[\s;]*"
)
PREFIX_PART = re.compile(r"(?:imei:)?([0-9A-Za-z._:-]{4,40})", re.ASCII | re.IGNORECASE)
# Names of sentences whose checksum the maker does not work out.
UNCHECKED = frozenset({"TRCCR"})


class Sentence(NamedTuple):
    """One sentence, taken apart. `prefix` and `behind` are what stood around it."""

    name: str
    fields: list[str]  # the name is fields[0]
    prefix: str
    behind: list[str]
    checked: bool  # it had a checksum, and that is right

    @property
    def kind(self) -> str:
        """What any talker calls it (RMC, GGA ...), or a proprietary name as a whole."""
        return self.name[2:] if len(self.name) == 5 and self.name[0] != "P" else self.name


def read(line: str, *, lenient: bool) -> Sentence | None:
    """The sentence of a line, None if it has none. DecodeError if its checksum is wrong, unless
    `lenient`: cheap firmware sends wrong ones for good.
    """
    found = SENTENCE.fullmatch(line)
    if found is None:
        return None
    body, check = found["body"], found["check"]
    fields = body.split(",")
    right = check is not None and xor8(body.encode("ascii")) == int(check, 16)
    if check is not None and not right and not lenient and fields[0] not in UNCHECKED:
        raise DecodeError("checksum", f"nmea: checksum is not {check}", line.encode("ascii"))
    behind = found["behind"].split(",") if found["behind"] else []
    return Sentence(fields[0], fields, found["prefix"], behind, right)


def identity_in(prefix: str) -> str | None:
    """The identity in front of a sentence: the longest part between , / ; and blanks."""
    parts: list[str] = PREFIX_PART.findall(prefix)
    return max(parts, key=len) if parts else None
