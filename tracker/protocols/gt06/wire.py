"""GT06 frames, and the state of one connection that speaks them.

    78 78 | length u8  | kind u8 | information | serial u16 | CRC u16 | 0D 0A
    79 79 | length u16 | kind u8 | information | serial u16 | CRC u16 | 0D 0A

The length counts kind, information, serial and CRC. The CRC is X-25 over length to serial. There
is no escaping, so 0D 0A may stand inside; frames are cut by length. Topin devices use the same
mark without a CRC: their frames never pass, which keeps the two protocols apart.
Source: docs/protocols/gt06.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.protocols.base import PROBE_LIMIT, Session
from tracker.protocols.checks import crc16_x25
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing

OVERHEAD = 5  # kind, serial, CRC: the least that a length can say
TAIL = b"\r\n"

# The longest frames known are status texts and passed-through data of some hundred bytes; a
# damaged length must not be able to swallow minutes of a device's reports.
LONG_MOST = 4096

# A frame stretched over a stalled radio link may take this long; half a frame after a longer
# pause was cut off.
PATIENCE_S = 30.0

# Kinds that come in long frames: what is asked of a header too long to wait for its checksum.
LONG_KINDS = frozenset({0x21, 0x32, 0x33, 0x38, 0x66, 0x70, 0x8C, 0x94, 0x9B, 0xF2})


class Frame(NamedTuple):
    """One frame, taken apart. `size` is its stated length, by which layouts are told apart."""

    long: bool
    kind: int
    info: bytes
    serial: int

    @property
    def size(self) -> int:
        """The length field."""
        return len(self.info) + OVERHEAD


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    long = data[at] == 0x79
    if len(data) < at + 3 + long:
        return MORE
    length = int.from_bytes(data[at + 2 : at + 3 + long], "big")
    if length < OVERHEAD or length > LONG_MOST:
        return NEVER
    return length + 5 + long


def fault(frame: bytes) -> str:
    """A right frame ends in 0D 0A and has the right CRC."""
    if frame[-2:] != TAIL:
        return "length"
    return "checksum" if crc16_x25(frame[2:-4]) != int.from_bytes(frame[-4:-2], "big") else ""


def is_long_header(data: Bytes, at: int) -> bool:
    """Whether a long frame of a known kind starts here and runs beyond what a probe sees."""
    if data[at] != 0x79 or len(data) < PROBE_LIMIT:
        return False
    return data[at + 4] in LONG_KINDS


FRAMING = Framing(
    start=re.compile(rb"\x78(?:\x78|\Z)|\x79(?:\x79|\Z)"),
    size=size,
    fault=fault,
    patience_s=PATIENCE_S,
    long_enough=is_long_header,
)


def unpack(frame: bytes) -> Frame:
    """Take a right frame apart."""
    start = 4 if frame[0] == 0x79 else 3
    serial = int.from_bytes(frame[-6:-4], "big")
    return Frame(start == 4, frame[start], frame[start + 1 : -6], serial)


def pack(kind: int, info: bytes, serial: int, *, long: bool = False) -> bytes:
    """A whole frame; OverflowError if the information does not fit."""
    length = (len(info) + OVERHEAD).to_bytes(2 if long else 1, "big")
    body = b"%b%c%b%b" % (length, kind, info, serial.to_bytes(2, "big"))
    mark = b"\x79\x79" if long else b"\x78\x78"
    return mark + body + crc16_x25(body).to_bytes(2, "big") + TAIL


class Link:
    """What one connection knows beyond its Session: the zone told at login, our own serial."""

    __slots__ = ("serial", "session", "zone_s")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.zone_s = 0
        self.serial = 0

    def next_serial(self) -> int:
        """Serial of the next frame that we begin: 1 to 65,535, then from 1 again."""
        self.serial = self.serial % 0xFFFF + 1
        return self.serial

    def offset_s(self, *, local: bool) -> int:
        """Offset of the device's clock from UTC, for kinds that state local time or UTC."""
        if self.session.utc_offset_s is not None:
            return self.session.utc_offset_s
        return self.zone_s if local else 0


# Kinds whose makers expect the answer to a long frame to be a long frame; all others a short one.
LONG_ANSWERS = frozenset({0x32, 0x33})


def ack(frame: Frame) -> bytes:
    """The acknowledgement of any frame: its kind and serial."""
    return pack(frame.kind, b"", frame.serial, long=frame.long and frame.kind in LONG_ANSWERS)
