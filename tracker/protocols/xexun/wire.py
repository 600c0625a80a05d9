"""Frames of Xexun devices: where they end, and what vouches for them.

    basic  GPRMC,...*CS,F,alarm, imei:<15 digits>,
    full   serial,telephone, basic satellites,altitude,F:4.05V,charging,length,CRC,MCC,MNC,LAC,cell

A basic frame ends at the comma behind the IMEI, a full one with its line or where the next one
begins. CS is the checksum of NMEA. The CRC is that of XMODEM over all in front of it: not in the
makers' texts, but right in every unaltered frame at hand. Source: docs/protocols/xexun.md.
"""

from __future__ import annotations

import enum
import re

from fastcrc import crc16

from tracker.protocols.checks import Checksum, xor8
from tracker.protocols.fields import is_imei
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import partial

crc16_xmodem: Checksum = crc16.xmodem

# The longest full frames have some 200 characters.
TEXT_MOST = 512

# Devices whose lines have no end finish a frame by beginning the next, minutes later.
PATIENCE_S = 3600.0

_RMC = (b"G", b"[PN]", b"R", b"M", b"C", b",")
START = re.compile(partial(*_RMC) + rb"|(?:\A|(?<=[\r\n]))[\d,]")
# The head of a full frame, as far as it is there: serial, telephone, an RMC or none and F or L.
HEAD = re.compile(
    rb"\d{0,12}(?:\Z|,\+?\w{0,20}(?:\Z|,(?:\Z|"
    + partial(*_RMC) + rb"|" + partial(b",", rb"[FL]", b",") + rb")))"
)  # fmt: skip
BASIC_END = re.compile(rb"imei:\d{15}(?:,|(?=[\r\n]))")
RMC = re.compile(rb"G[PN]RMC,")
LINE_END = re.compile(rb"[\r\n]")
NEXT = re.compile(rb"\d{12},\+?\w{0,20},G[PN]RMC,")
CHECKED = re.compile(rb"(G[PN]RMC,[^*]*)\*([0-9A-Fa-f]{2})")
CRC = re.compile(rb",(\d{2,3}),(\d{1,5}),\d+,\d+,[0-9A-Fa-f]+,[0-9A-Fa-f]+\s*\Z")
IMEI = re.compile(rb"imei:(\d{15})")


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    limit = at + TEXT_MOST
    basic = data[at] == 0x47
    if not basic and HEAD.match(data, at) is None:
        return NEVER
    line = LINE_END.search(data, at, limit)
    ident = BASIC_END.search(data, at, limit if line is None else line.end())
    if ident is not None and len(RMC.findall(data, at, ident.start())) > 1:
        return NEVER  # cut off: another frame begins within
    if basic and ident is not None:
        return ident.end() - at
    end = None
    if ident is not None:
        end = NEXT.search(data, ident.end(), limit if line is None else line.start()) or line
    elif line is not None:
        return NEVER
    if end is not None:
        return end.start() - at
    return MORE if len(data) < limit else NEVER


def fault(frame: bytes) -> str:
    """A frame names its device; what else vouches for it is looked at when it is read."""
    return "" if IMEI.search(frame) else "garbage"


class Trust(enum.Enum):
    """What the checks of a frame say of it."""

    RIGHT = "right"
    DOUBTFUL = "doubtful"  # the only check that there is, is wrong: with some devices it always is
    WRONG = "wrong"


def trust(frame: bytes) -> Trust:
    """What vouches for a frame: its CRC, or else the checksum of its RMC, with a right IMEI where
    there is a CRC and it is wrong. A frame without either has nothing to be wrong.
    """
    crc = CRC.search(frame)
    if crc is not None and crc16_xmodem(frame[: crc.start(2)]) == int(crc[2]):
        return Trust.RIGHT
    found = CHECKED.search(frame)
    right = found is None or xor8(found[1]) == int(found[2], 16)
    if crc is None:
        return Trust.RIGHT if right else Trust.DOUBTFUL
    ident = IMEI.search(frame)
    vouched = found is not None and right and ident is not None and is_imei(ident[1].decode())
    return Trust.RIGHT if vouched else Trust.WRONG


FRAMING = Framing(START, size, fault, PATIENCE_S)
