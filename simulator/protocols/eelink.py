"""Eelink over TCP: binary, a length and no checksum, identity in the login only.

    67 67 | kind | length WORD | serial WORD | content                        (big-endian)

The length counts serial and content. The server answers logins (01), heartbeats (03) and positions
(12) with their kind and serial, and commands with 80: type, its own number in four bytes, a text,
both ways. There is no flag for stored positions.
"""

from __future__ import annotations

import struct

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame
from simulator.protocols.terminal import StreamTerminal, stated_as

MARK = b"\x67\x67"
LOGIN, HEARTBEAT, POSITION, COMMAND = 0x01, 0x03, 0x12, 0x80
HEAD = 7  # mark, kind, length, serial
DEGREE = 1_800_000  # units of latitude and longitude in one degree
FRAME_MOST = 1024  # of what a server has to say
WINDOW = 64  # frames that may be unanswered
ENGLISH, UTC_ZONE, VERSION = 1, 0, b"\x02\x05\x02\x05"
WITH_PLACE = 1
# Status: fixed; has ignition, arming, a relay that is closed, charging; active; receiver on.
STATUS, IGNITION = 0x0001 | 0x0002 | 0x0008 | 0x0020 | 0x0040 | 0x0180 | 0x0600, 0x0004
BATTERY_MV = 4100
WHERE = b"WHERE#"

_PLACE = struct.Struct(">IBiihHHB")
_MEASURED = struct.Struct(">HHHHI")


def frame(kind: int, content: bytes, serial: int) -> bytes:
    """One whole frame."""
    length = len(content) + 2
    return MARK + bytes((kind,)) + length.to_bytes(2, "big") + serial.to_bytes(2, "big") + content


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1/1,800,000 degree, whole km/h and degrees."""
    speed_dkmh = min(0xFFFF, round(fix.speed_kmh)) * 10
    return stated_as(fix, speed_dkmh, round(fix.course_deg) % 360 * 10, degree=DEGREE)


def status(fix: Fix) -> int:
    """The status word."""
    return STATUS | (IGNITION if fix.ignition else 0)


def position(fix: Fix) -> bytes:
    """The content of a 12: place, status, battery, two analog inputs, odometer."""
    place = _PLACE.pack(
        int(fix.fix_time),
        WITH_PLACE,
        round(fix.lat * DEGREE),
        round(fix.lon * DEGREE),
        max(-0x8000, min(0x7FFF, round(fix.altitude_m))),
        min(0xFFFF, round(fix.speed_kmh)),
        round(fix.course_deg) % 360,
        min(0xFF, fix.satellites),
    )
    return place + _MEASURED.pack(status(fix), BATTERY_MV, 0, 0, round(fix.odometer_m))


class EelinkTerminal(StreamTerminal):
    """The device's end of one connection."""

    window = WINDOW

    def hello(self) -> bytes:
        """01: the IMEI as 16 BCD digits, language, zone, versions."""
        content = bytes.fromhex(self._ident.rjust(16, "0")) + bytes((ENGLISH, UTC_ZONE)) + VERSION
        return frame(LOGIN, content, self._next_serial())

    def position(self, fix: Fix) -> Frame:
        """A 12."""
        serial = self._next_serial()
        return Frame(frame(POSITION, position(fix), serial), serial, 1)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """03: the status word."""
        word = status(fix) if fix is not None else 0
        return frame(HEARTBEAT, word.to_bytes(2, "big"), self._next_serial())

    def _next(self) -> list[Answer] | None:
        """A frame by its length; where one does not fit, the search goes on a byte later."""
        if len(self._buffer) < HEAD - 2:
            return None
        length = int.from_bytes(self._buffer[3:5], "big")
        if not self._buffer.startswith(MARK) or not 2 <= length <= FRAME_MOST:
            return self._skip(MARK, "no frame")
        if len(self._buffer) < HEAD - 2 + length:
            return None
        whole = self._take(HEAD - 2 + length)
        return [self._answer(whole[2], whole[HEAD:], int.from_bytes(whole[5:7], "big"))]

    def _answer(self, kind: int, content: bytes, serial: int) -> Answer:
        if kind == LOGIN:
            return Answer(AnswerKind.ACCEPTED)
        if kind == HEARTBEAT:
            return Answer(AnswerKind.BEAT)
        if kind == POSITION:
            return Answer(AnswerKind.ACKNOWLEDGED, serial)
        if kind != COMMAND or len(content) < 5:
            return Answer(AnswerKind.DAMAGED, detail=f"kind {kind:02x}")
        words = content[5:]
        reply = frame(COMMAND, content[:5] + words.rstrip(b"#") + b" OK!", serial)
        what = AnswerKind.LOCATE if words == WHERE else AnswerKind.COMMAND
        return Answer(what, reply=reply, detail=words.decode("ascii", "replace"))

    def _next_serial(self) -> int:
        self._serial = self._serial % 0xFFFF + 1
        return self._serial


FAMILY = Family("eelink", "Eelink", imei, EelinkTerminal, stated, heartbeat_s=60.0)
