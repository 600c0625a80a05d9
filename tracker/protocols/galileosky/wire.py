"""Galileosky packets, and the state of one connection that speaks them.

    packet       01 | length u16, bit 15: more is waiting | tags | CRC u16
    photograph   07 | length u16 | part u8 | data | CRC u16
    compressed   08 | length u16, bit 15 as above | records | CRC u16
    Iridium      01 | length u16 | elements of id u8, length u16 and content, the first 01 001C

Numbers are little-endian, but for the Iridium form, which is big-endian and has no CRC. The CRC is
CRC-16/MODBUS of everything in front of it. Source: docs/protocols/galileosky.md.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import crc16_modbus
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_frames
from tracker.protocols.galileosky.tags import COUNTED, SIZES, UNKNOWN

TAGS, ACKNOWLEDGED, PHOTO, COMPRESSED = 0x01, 0x02, 0x07, 0x08  # first bytes
HEADER = 3
OVERHEAD = 5  # header and CRC
LENGTH_MASK = 0x7FFF  # bit 15: more is waiting

MINIMAL = 10  # bytes that every compressed record begins with

IRIDIUM = b"\x01\x00\x1c"  # the element that begins the Iridium form, and its length
IRIDIUM_LEAST = HEADER + len(IRIDIUM) + 28
IRIDIUM_IMEI = slice(10, 25)
IRIDIUM_MOST = 2048  # a message of that network has at most 1,960 bytes

# Bytes of tags that are looked at where a packet might start: evidence enough, and a bound on the
# work that a stream made of nothing but starts can cause.
LOOK_AHEAD = 64

# A packet sent over a stalled radio link may take this long; half a packet after a longer pause
# was cut off, and the device connects anew.
PATIENCE_S = 60.0


def size(data: Bytes, at: int) -> int:
    """Bytes of the packet that starts at `at`, MORE or NEVER."""
    if len(data) < at + HEADER + 1:
        return MORE
    kind, first = data[at], data[at + HEADER]
    length = int.from_bytes(data[at + 1 : at + HEADER], "little") & LENGTH_MASK
    if kind == TAGS:
        if bytes(data[at + HEADER : at + HEADER + 3]) == IRIDIUM:
            return _iridium_size(data, at)
        return NEVER if SIZES[first] == UNKNOWN or not length else length + OVERHEAD
    if kind == COMPRESSED:
        return length + OVERHEAD if length > MINIMAL else NEVER
    return length + OVERHEAD if length else NEVER


def _iridium_size(data: Bytes, at: int) -> int:
    whole = int.from_bytes(data[at + 1 : at + HEADER], "big") + HEADER
    return whole if IRIDIUM_LEAST <= whole <= IRIDIUM_MOST else NEVER


def fault(frame: bytes) -> str:
    """A right packet has the right CRC; in the Iridium form, elements that fill it exactly."""
    if is_iridium(frame):
        if not frame[IRIDIUM_IMEI].isdigit():
            return "field"
        at = HEADER
        while at + HEADER <= len(frame):
            at += HEADER + int.from_bytes(frame[at + 1 : at + HEADER], "big")
        return "" if at == len(frame) else "length"
    return "" if crc16_modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little") else "checksum"


def is_iridium(frame: bytes) -> bool:
    """Whether a frame is of the Iridium form."""
    return frame[0] == TAGS and frame[HEADER : HEADER + 3] == IRIDIUM


def tags_end(data: Bytes, at: int, end: int) -> int:
    """Where the known tags that begin at `at` end, at or behind `end`; before it, at a tag that is
    not known.
    """
    while at < end and SIZES[data[at]] != UNKNOWN:
        size, width = SIZES[data[at]], COUNTED.get(data[at], 0)
        if width:
            size = width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
        at += 1 + size
    return at


def sure_size(data: Bytes, at: int) -> int:
    """As `size`, of a packet whose first tags are all known, as far as they have come."""
    whole = size(data, at)
    if whole in (NEVER, MORE) or bytes(data[at + HEADER : at + HEADER + 3]) == IRIDIUM:
        return whole
    end = min(len(data), at + whole - 2, at + LOOK_AHEAD)
    return whole if tags_end(data, at + HEADER, end) >= end else NEVER


# A byte is a weak mark. At the front of a stream in step any packet is believed (see `decoder`),
# everywhere else only tags, which are evidence.
FRAMING = Framing(re.compile(rb"\x01"), sure_size, fault, PATIENCE_S)

# What a device says first: perhaps its versions, then its IMEI.
_NAMED = re.compile(rb"\x01..(?:\x01.)?(?:\x02.)?\x03[0-9]{15}", re.DOTALL)


def _first_fault(frame: bytes) -> str:
    """Modbus shares the mark and the CRC, but not the tags."""
    end = len(frame) - 2
    tags = is_iridium(frame) or tags_end(frame, HEADER, end) == end
    return fault(frame) if tags else "field"


def _first_long(data: Bytes, at: int) -> bool:
    """Whether the part of a long packet that is there begins with an IMEI and has known tags."""
    end = min(len(data), PROBE_LIMIT)
    return _NAMED.match(data, at) is not None and tags_end(data, at + HEADER, end) >= end


_FIRST = replace(FRAMING, fault=_first_fault, long_enough=_first_long)


def probe(data: bytes) -> Match:
    """Whether a connection that begins so is Galileosky's: a right packet of tags."""
    return probe_frames(_FIRST, data)


def pack(kind: int, content: bytes) -> bytes:
    """A whole packet."""
    body = bytes((kind,)) + len(content).to_bytes(2, "little") + content
    return body + crc16_modbus(body).to_bytes(2, "little")


def answer(kind: int, frame: bytes) -> bytes:
    """A packet was taken: its own CRC again."""
    return bytes((kind,)) + frame[-2:]


class Link:
    """What one connection knows beyond its Session."""

    __slots__ = ("session", "terminal_id")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.terminal_id = 0  # the device's own number, repeated in commands
