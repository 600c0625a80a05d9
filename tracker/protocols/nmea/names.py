"""How a device on an NMEA stream says who it is.

identity$GPRMC,...     in front of each sentence (see sentence.py)
identity               on a line of its own: digits or hex; also IMEI identity
$PGID,identity         a sentence of its own, of many makers
$GPRMC,...*71,11,identity,...    behind the checksum (see tails.py)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracker.errors import DecodeError
from tracker.protocols.nmea.sentence import Sentence

LINE = re.compile(r"(?:IMEI[ =:]\s*)?([0-9A-Fa-f]{6,20})[,;]?", re.ASCII | re.IGNORECASE)
ASSIGNED = re.compile(r"IMEI=(\d{14,16})", re.ASCII)
JOINED = re.compile(r"PSIWMDID(\S{4,40})", re.ASCII)
IDENT = re.compile(r"[0-9A-Za-z._: -]{3,40}", re.ASCII)

# Sentences that name the device, and in which field.
FIELDS: Mapping[str, int] = {
    "PVTID": 1,  # our own: docs/protocols/nmea.md
    "PGID": 1,
    "GPFID": 1,  # comes behind the RMC that it names the device of
    "DEVID": 1,
    "PCPTI": 1,
    "PSIWMDID": 1,
    "CONNECT": 1,
    "ID": 1,
}


def from_line(line: str) -> str | None:
    """The identity that a line without a sentence is."""
    found = LINE.fullmatch(line)
    return found[1] if found is not None else None


def from_sentence(sentence: Sentence) -> str | None:
    """The identity that a sentence states; None if it is not there for that."""
    name, fields = sentence.name, sentence.fields
    at = FIELDS.get(name)
    if at is not None and len(fields) > at:
        return checked(fields[at])
    if name == "GPTXT" and len(fields) > 2 and fields[1] == "NET":
        return checked(fields[2])
    found = ASSIGNED.fullmatch(name) or JOINED.fullmatch(name)
    return checked(found[1]) if found is not None else None


def checked(text: str) -> str:
    """An identity; DecodeError for what can be none."""
    ident = text.strip()
    if IDENT.fullmatch(ident) is None:
        raise DecodeError("field", f"nmea: no identity: {text[:40]!r}", text.encode("ascii"))
    return ident
