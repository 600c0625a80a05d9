"""Cellocator frames, and the state of one connection that speaks them.

    unit to server    MCGP | type u8 | unit id u32 | control u16 | numerator u8 | ... | sum u8
    type 8            MCGP | type u8 | unit id u32 | numerator u8 | ... | sum u8
    server to unit    MCGP | type u8 | unit id u32 | numerator u8 | code u32 | ... | sum u8

All numbers are little-endian. The sum is that of all bytes behind MCGP, modulo 256. Where a letter
other than P ends the mark, angles are in degrees (see status.py). Source: docs/protocols/
cellocator.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import Match, Session
from tracker.protocols.checks import sum8
from tracker.protocols.commands import numeric_option
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_frames
from tracker.protocols.textframes import partial
from tracker.protocols.unanswered import Numbered

MARK = b"MCGP"
RADIANS_MARK = MARK[3]

STATUS, PROGRAMMING, FRAGMENT, SERIAL, MODULAR, MODULES = 0, 3, 7, 8, 9, 11
COMMAND, ACKNOWLEDGE = 0, 4  # types of what a server sends

FIXED_SIZES: Mapping[int, int] = {STATUS: 70, PROGRAMMING: 31, FRAGMENT: 70}
# By type: where the length of the rest stands, its bytes, and what is added to it for a frame.
LENGTHS: Mapping[int, tuple[int, int, int]] = {
    SERIAL: (16, 2, 19),
    MODULAR: (13, 1, 15),
    MODULES: (13, 2, 16),
}
# Units send one datagram per frame, which the mobile network cuts at about 1,400 bytes.
FRAME_MOST = 2048

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

NUMERATORS = 255  # of commands: 1 to 255, then again
CODE_MOST = (1 << 32) - 1  # of the authentication code of commands

START = re.compile(partial(b"M", b"C", b"G", b"[A-Z]"))


class Frame(NamedTuple):
    """One frame, taken apart. `data` is the whole frame, in which byte tables count from 0."""

    kind: int
    unit: int
    control: int  # flags of this transmission, 0 where there are none
    numerator: int
    data: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    if len(data) < at + 5:
        return MORE
    kind = data[at + 4]
    if kind in FIXED_SIZES:
        return FIXED_SIZES[kind]
    if kind not in LENGTHS:
        return NEVER
    place, width, more = LENGTHS[kind]
    if len(data) < at + place + width:
        return MORE
    whole = int.from_bytes(data[at + place : at + place + width], "little") + more
    return whole if whole <= FRAME_MOST else NEVER


def fault(frame: bytes) -> str:
    """A right frame has the right sum."""
    return "" if sum8(frame[4:-1]) == frame[-1] else "checksum"


def long_enough(data: Bytes, at: int) -> bool:
    """Whether the header of a long frame is evidence: at the very start, with a known type."""
    return at == 0 and size(data, at) > 0


FRAMING = Framing(START, size, fault, PATIENCE_S, long_enough)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Cellocator's."""
    return probe_frames(FRAMING, data)


def unpack(frame: bytes) -> Frame:
    """Take a right frame apart."""
    kind, unit = frame[4], int.from_bytes(frame[5:9], "little")
    if kind == SERIAL:
        return Frame(kind, unit, 0, frame[9], frame)
    return Frame(kind, unit, int.from_bytes(frame[9:11], "little"), frame[11], frame)


def pack(kind: int, unit: int, content: bytes) -> bytes:
    """A frame for a unit."""
    body = bytes((kind,)) + unit.to_bytes(4, "little") + content
    return MARK + body + bytes((sum8(body),))


def answer(frame: Frame) -> bytes:
    """Type 4 with the numerator of the frame; type 11 is acknowledged by a module 9 in type 11."""
    if frame.kind == MODULES:
        module = b"\x09\x03\x00" + bytes(3)
        content = bytes(4) + module
        head = bytes((frame.numerator,)) + bytes(4) + b"\x80" + len(content).to_bytes(2, "little")
        return pack(MODULES, frame.unit, head + content)
    return pack(ACKNOWLEDGE, frame.unit, bytes(6) + bytes((frame.numerator,)) + bytes(11))


class Link:
    """What one connection knows: the unit, and what is `asked` of it by numerator."""

    __slots__ = ("_numerator", "asked", "session", "unit")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.unit: int | None = None
        self._numerator = 0
        self.asked = Numbered(NUMERATORS)

    def order(self, command: Command, content: bytes) -> bytes:
        """The frame of a command, under the next numerator, which the unit's answer repeats."""
        if self.unit is None:
            raise CommandError("cellocator: the unit has not named itself yet")
        code = numeric_option(self.session, "cellocator_code", 0, 0, CODE_MOST)
        self._numerator = self._numerator % NUMERATORS + 1
        self.asked.ask(self._numerator, command.reference)
        head = bytes((self._numerator,)) + code.to_bytes(4, "little")
        return pack(COMMAND, self.unit, head + content)
