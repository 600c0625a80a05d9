"""Which protocol a connection speaks, told by its first bytes.

Each protocol's probe is asked in the order of the registry. Nothing is answered and no decoder is
built before one is sure; the bytes are then fed to its decoder from the first one on.

- Weak marks decide nothing: GT06 needs a frame whose length, end and CRC are right, JT/T 808 one
  between two marks whose length and XOR are right, 0x55 one with a known command, a length that
  this command can have and the right XOR.
- The first frame may be damaged: a right frame decides wherever it starts within the limit.
- The first frame may be longer than the limit: where a whole header cannot be a coincidence (a
  known JT/T 808 message of a phone number, a known kind of long GT06 frame) it decides then.
- Text, and what no probe finds a mark in, is given up early; everything else at the limit.

TLS is no protocol of ours: who terminates it asks `tls` first, and `detect` again about what is
inside. What it may carry is what may come bare, the other carriers included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Family, Match
from tracker.protocols.registry import FAMILIES

# What may carry a device protocol, or has its own listener: name, pattern at the very start. Each
# is recognised here so that it gets a clear word; a layer that speaks it is to be tried first.
CARRIERS: Sequence[tuple[str, re.Pattern[bytes]]] = (
    ("tls", re.compile(rb"\x16\x03[\x00-\x04]")),
    ("http", re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) ")),
    ("mqtt", re.compile(rb"\x10[\x00-\xff]{1,4}\x00(?:\x04MQTT|\x06MQIsdp)", re.DOTALL)),
)

MARK_WITHIN = 96  # bytes: without a start mark every probe has given up by then
TLS_RECORD = b"\x16\x03"  # a handshake record, and the first byte of each version since SSL 3.0

# How others begin whom a tracker's port meets: what no decoder here reads. Of use to a person who
# wonders who is there, never to decide anything.
FOREIGN: Sequence[tuple[str, re.Pattern[bytes]]] = (
    ("DTLS", re.compile(rb"\x16\xfe[\xfd\xff]")),
    ("Cellocator", re.compile(rb"MCG[PS]")),
    ("Navtelecom", re.compile(rb"@NTC")),
    ("Castel", re.compile(rb"@@[^,]")),
    ("Eelink", re.compile(rb"gg|EL")),
    ("Suntech", re.compile(rb"S[TA]\d{3}[A-Z]{3};|(?:STT|ALT|UEX|CRR|RES);")),
    ("Totem or Xirgo", re.compile(rb"\$\$[0-9A-F]{4}")),
    ("GlobalSat", re.compile(rb"GS[rRsS],")),
    ("AIS-140", re.compile(rb"\$(?:NRM|NMP|EPB|LGN|HLM|Header|,)")),
    ("SSH", re.compile(rb"SSH-")),
    ("Remote Desktop", re.compile(rb"\x03\x00\x00")),
    ("SMB", re.compile(rb"\x00\x00.{2}[\xfe\xff]SMB", re.DOTALL)),
    ("SIP", re.compile(rb"(?:REGISTER|INVITE) sip:|OPTIONS sip:")),
    ("Redis", re.compile(rb"\*\d+\r\n\$\d+\r\n")),
    ("PROXY protocol", re.compile(rb"PROXY |\r\n\r\n\x00\r\nQUIT")),
    ("MQTT without a CONNECT", re.compile(rb"[\x30-\x3d\x82\xa2\xc0\xe0][\x00-\x7f]\x00")),
)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the first bytes of somebody unknown may have been the beginning of."""

    protocols: tuple[str, ...]  # whose probes could still have said yes
    mark: str  # of a carrier, or of somebody who is not spoken here; "" for none


def nearest(data: bytes, families: Sequence[Family] = FAMILIES) -> Guess:
    """The likeliest meanings of bytes that were not recognised, for a person to read."""
    carried_by = carrier(data)
    asked = [f for f in families if carried_by is None or f.carrier == carried_by]
    near = tuple(family.name for family in asked if _may_be(family, data))
    mark = next((name for name, pattern in FOREIGN if pattern.match(data)), "")
    return Guess(near, carried_by or mark)


def _may_be(family: Family, data: bytes) -> bool:
    """Whether more bytes could have decided for a protocol, and a mark of it is there already.

    While few bytes are there, a probe without a mark hopes for one; with whatever would have come
    next it would not.
    """
    begun = data[: PROBE_LIMIT - 1]  # at the limit every probe has said its last word
    if family.probe(begun) is Match.NO:
        return False
    return any(
        family.probe(begun + filler * (MARK_WITHIN - len(begun))) is not Match.NO
        for filler in (b"\x00", b"0")  # in a binary protocol, and in a text
    )


def tls(data: bytes) -> Match:
    """Whether a connection begins with TLS."""
    if carrier(data) == "tls":
        return Match.YES
    return Match.MORE if TLS_RECORD.startswith(data) else Match.NO


def carrier(data: bytes) -> str | None:
    """The name of the carrier that these first bytes begin, if they do."""
    for name, pattern in CARRIERS:
        if pattern.match(data):
            return name
    return None


def detect(data: bytes, families: Sequence[Family] = FAMILIES) -> Family | None:
    """The protocol of a connection that began with these bytes; None if more are needed.

    Raises DecodeError of kind `unknown` when none can match, or none did within PROBE_LIMIT.
    """
    carried_by = carrier(data)
    if carried_by is not None:
        families = [family for family in families if family.carrier == carried_by]
        if not families:
            raise DecodeError("unknown", f"{carried_by} instead of a device protocol", data)
    open_still = False
    for family in families:
        match = family.probe(data)
        if match is Match.YES:
            return family
        open_still = open_still or match is Match.MORE
    if not open_still:
        raise DecodeError("unknown", "the first bytes fit no protocol", data)
    if len(data) >= PROBE_LIMIT:
        raise DecodeError("unknown", f"no protocol within {PROBE_LIMIT} bytes", data)
    return None
