"""Cellocator over TCP: binary status messages of 70 bytes, each acknowledged by its numerator.

    MCGP | type u8 | unit id u32 | control u16 | numerator u8 | ... | sum u8      (little-endian)

The sum is that of all bytes behind MCGP, modulo 256. Angles are in 1e-8 radian, speed in cm/s,
course in 1e-3 radian. There is no login: a status without a place goes first. The server answers
each with type 4 and its numerator; its commands are type 0, whose numerator the unit's next status
repeats with the passive bit set.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import StreamTerminal

MARK = b"MCGP"
STATUS, ACKNOWLEDGE = 0, 4
COMMAND_SIZE, ACKNOWLEDGE_SIZE = 25, 28
ACKNOWLEDGED_AT, CODE_AT = 15, 14  # bytes of a server's frames
REPORT_NOW = 0x00  # code of a command
WINDOW = 200  # frames under way; there are 256 numerators
FIRST_UNIT, UNITS = 20_000_000, 1_000_000
RADIAN, CM_S_KMH, MILLI = 1e8, 0.036, 1000
PASSIVE, FROM_RAM = 0x01, 0x08  # of the control field
DRIVING = 0x20  # of the first byte of inputs
PERIODIC = 44  # reasons of a transmission: time, and the connection is up
CONNECTED = 32
SOLVED, VALIDATED = 4, 2  # what the receiver says of its position
EXTERNAL, BATTERY = 107, 245  # 12.6 V of 30 V, 4.0 V of 4.2 V, in 255ths
ALTITUDE_MOST_CM = 900_000

_HEAD = struct.Struct("<BIHB")
_PLACE = struct.Struct("<iiiIH")
_TIME = struct.Struct("<5BH")


def ident(number: int) -> str:
    """The unit id of vehicle `number`."""
    return str(FIRST_UNIT + number % UNITS)


def framed(body: bytes) -> bytes:
    """Mark and sum around everything between them."""
    return MARK + body + bytes((sum(body) & 0xFF,))


def angle(degrees: float) -> int:
    """1e-8 radian."""
    return round(math.radians(degrees) * RADIAN)


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-8 radian, whole cm/s, 1e-3 radian of course."""
    course = round(math.radians(fix.course_deg % 360) * MILLI)
    return Stated(
        int(fix.fix_time) * 1000,
        round(math.degrees(angle(fix.lat) / RADIAN) * 1e6),
        round(math.degrees(angle(fix.lon) / RADIAN) * 1e6),
        round(round(fix.speed_kmh / CM_S_KMH) * CM_S_KMH * 10),
        round(math.degrees(course / MILLI) * 10) % 3600,
    )


def status(unit: int, control: int, numerator: int, fix: Fix | None) -> bytes:
    """A status; without a fix, one of a receiver that has no solution yet."""
    head = _HEAD.pack(STATUS, unit, control, numerator)
    reason = CONNECTED if fix is None else PERIODIC
    driving = DRIVING if fix is not None and fix.ignition else 0
    # hardware, software, protocol, status, operator, detail, reason, mode; inputs, operator;
    # analog inputs
    fixed = bytes((31, 32, 4, 0, 0, 0, reason, 0, driving, 0, 0, 0, 0, EXTERNAL, BATTERY, 0, 0))
    if fix is None:
        return framed(head + fixed + bytes(3 + 6 + 2 + 4 + _PLACE.size + _TIME.size))
    mileage = (round(fix.odometer_m / 1000) & 0xFFFFFF).to_bytes(3, "little")
    modes = bytes((0, SOLVED, VALIDATED, fix.satellites))
    place = _PLACE.pack(
        angle(fix.lon),
        angle(fix.lat),
        max(-ALTITUDE_MOST_CM, min(ALTITUDE_MOST_CM, round(fix.altitude_m * 100))),
        round(fix.speed_kmh / CM_S_KMH),
        round(math.radians(fix.course_deg % 360) * MILLI),
    )
    now = datetime.fromtimestamp(int(fix.fix_time), UTC)
    time = _TIME.pack(now.second, now.minute, now.hour, now.day, now.month, now.year)
    return framed(head + fixed + mileage + bytes(8) + modes + place + time)


class CellocatorTerminal(StreamTerminal):
    """The device's end of one connection."""

    window = WINDOW

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._unit = int(ident)
        self._serials: dict[int, int] = {}  # by the numerators under way; 0 for a heartbeat
        self._numerator = 0
        self._accepted = False

    def hello(self) -> bytes:
        """A status without a place."""
        return self._sent(0, FROM_RAM, None)

    def position(self, fix: Fix) -> Frame:
        """A status sent as it was made."""
        self._last = fix
        self._serial += 1
        return Frame(self._sent(self._serial, FROM_RAM, fix), self._serial, 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A status out of the memory."""
        self._serial += 1
        return Frame(self._sent(self._serial, 0, fixes[0]), self._serial, 1)

    def _sent(self, serial: int, control: int, fix: Fix | None) -> bytes:
        self._numerator = (self._numerator + 1) & 0xFF
        self._serials[self._numerator] = serial
        return status(self._unit, control, self._numerator, fix)

    def _next(self) -> list[Answer] | None:
        """An acknowledgement or a command."""
        if len(self._buffer) <= len(MARK):
            return None
        size = ACKNOWLEDGE_SIZE if self._buffer[4] == ACKNOWLEDGE else COMMAND_SIZE
        if not self._buffer.startswith(MARK):
            self._buffer = b""
            return [Answer(AnswerKind.DAMAGED, detail="mark")]
        return None if len(self._buffer) < size else [self._answer(self._take(size))]

    def _answer(self, said: bytes) -> Answer:
        if framed(said[4:-1]) != said or int.from_bytes(said[5:9], "little") != self._unit:
            return Answer(AnswerKind.DAMAGED, detail=said.hex())
        if said[4] == ACKNOWLEDGE:
            return self._acknowledged(said[ACKNOWLEDGED_AT])
        code, doubled = said[CODE_AT : CODE_AT + 2]
        if code != doubled:
            return Answer(AnswerKind.DAMAGED, detail=said.hex())
        reply = status(self._unit, FROM_RAM | PASSIVE, said[9], self._last)
        kind = AnswerKind.LOCATE if code == REPORT_NOW else AnswerKind.COMMAND
        return Answer(kind, reply=reply, detail=said[CODE_AT:-1].hex())

    def _acknowledged(self, numerator: int) -> Answer:
        serial = self._serials.pop(numerator, None)
        if serial:
            return Answer(AnswerKind.ACKNOWLEDGED, serial)
        if serial is None:  # that of an answer to a command, which is acknowledged as well
            return Answer(AnswerKind.BEAT)
        kind = AnswerKind.BEAT if self._accepted else AnswerKind.ACCEPTED
        self._accepted = True
        return Answer(kind)


FAMILY = Family("cellocator", "Cellocator", ident, CellocatorTerminal, stated)
