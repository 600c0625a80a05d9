"""GT06 and its many clones (Concox, Jimi): binary, length and CRC, identity in the login only.

    78 78 | length | protocol | information (N) | serial WORD | CRC-ITU WORD | 0D 0A    (big-endian)

length = N + 5; the CRC covers length to serial. 79 79 frames have a length of two bytes. Each
answer of the server repeats the protocol number and the serial of what it answers. Positions go as
22 (GPS and LBS, UTC, with ignition, upload mode, re-upload flag and mileage).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame
from simulator.protocols.checks import crc_itu
from simulator.protocols.terminal import StreamTerminal, stated_as
from simulator.protocols.vouching import VouchingTerminal

SHORT_START, LONG_START, STOP = b"\x78\x78", b"\x79\x79", b"\x0d\x0a"
LOGIN, STATUS, POSITION, COMMAND, COMMAND_REPLY = 0x01, 0x13, 0x22, 0x80, 0x15
MIN_LENGTH = 5  # protocol, serial and CRC around an empty information block
DEGREE = 1_800_000  # units of latitude and longitude in one degree
MAX_SPEED_KMH = 0xFF  # one byte; real devices stay at 255 above it
GPS_BLOCK = 0xC0  # high nibble: the GPS block is 12 bytes long
NORTH, WEST, FIXED = 1 << 10, 1 << 11, 1 << 12
LBS = struct.pack(
    ">HBH3s", 1, 1, 1, b"\x00\x00\x01"
)  # network 001-01, the test network: no real cell
INFO_IGNITION, INFO_CHARGING, INFO_FIXED = 1 << 1, 1 << 2, 1 << 6
VOLTAGE_FULL, GSM_STRONG = 6, 4
UPLOAD_INTERVAL = 0
LANGUAGE_ENGLISH = b"\x00\x02"

_GPS = struct.Struct(">BIIBH")  # block length and satellites, lat, lon, speed, course and flags


def frame(protocol: int, information: bytes, serial: int) -> bytes:
    """One whole short frame."""
    body = bytes((len(information) + MIN_LENGTH, protocol)) + information
    body += serial.to_bytes(2, "big")
    return SHORT_START + body + crc_itu(body).to_bytes(2, "big") + STOP


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1/1,800,000 degree, whole km/h up to 255, whole degrees of course."""
    speed_dkmh = min(MAX_SPEED_KMH, round(fix.speed_kmh)) * 10
    return stated_as(fix, speed_dkmh, round(fix.course_deg) % 360 * 10, degree=DEGREE)


def position_information(fix: Fix, *, is_stored: bool = False) -> bytes:
    """The information block of a 22 frame, with mileage."""
    moment = time.gmtime(fix.fix_time)
    flags = round(fix.course_deg) % 360 | FIXED
    flags |= (NORTH if fix.lat >= 0 else 0) | (WEST if fix.lon < 0 else 0)
    return (
        bytes((moment.tm_year - 2000, *moment[1:6]))
        + _GPS.pack(
            GPS_BLOCK | min(15, fix.satellites),
            round(abs(fix.lat) * DEGREE),
            round(abs(fix.lon) * DEGREE),
            min(MAX_SPEED_KMH, round(fix.speed_kmh)),
            flags,
        )
        + LBS
        + bytes((fix.ignition, UPLOAD_INTERVAL, is_stored))
        + round(fix.odometer_m).to_bytes(4, "big")
    )


class Gt06Terminal(VouchingTerminal, StreamTerminal):
    """The device's end of one connection."""

    def hello(self) -> bytes:
        """LOGIN: the IMEI as 16 BCD digits."""
        return frame(LOGIN, bytes.fromhex(self._ident.rjust(16, "0")), self._next_serial())

    def position(self, fix: Fix) -> Frame:
        """A 22 frame."""
        return self._numbered(position_information(fix))

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A 22 frame of the first fix, with the re-upload flag."""
        return self._numbered(position_information(fixes[0], is_stored=True))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """A 13 frame: terminal information, voltage, GSM signal, extension."""
        info = INFO_CHARGING | INFO_FIXED
        if fix is not None and fix.ignition:
            info |= INFO_IGNITION
        serial = self._next_serial()
        return frame(STATUS, bytes((info, VOLTAGE_FULL, GSM_STRONG, 0, 2)), serial)

    def _next(self) -> list[Answer] | None:
        """A frame by its length; where one does not fit, the search goes on a byte later."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        start = buffer[:2]
        if start not in (SHORT_START, LONG_START):
            self._take(1)
            return []
        first = 4 if start == LONG_START else 3
        length = int.from_bytes(buffer[2:first], "big")
        end = first + length + 2
        if end > len(buffer):
            return None
        crc = int.from_bytes(buffer[end - 4 : end - 2], "big")
        stopped = buffer[end - 2 : end] == STOP
        if length < MIN_LENGTH or not stopped or crc_itu(buffer[2 : end - 4]) != crc:
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        self._take(end)
        serial = int.from_bytes(buffer[end - 6 : end - 4], "big")
        return self._answer(buffer[first], buffer[first + 1 : end - 6], serial)

    def _answer(self, protocol: int, information: bytes, serial: int) -> list[Answer]:
        if protocol == LOGIN:
            return [Answer(AnswerKind.ACCEPTED)]
        if protocol == POSITION:
            return [self._acknowledged(serial)]
        if protocol == STATUS:
            return [Answer(AnswerKind.BEAT), *self._vouched_for(serial)]
        if protocol == COMMAND:
            return [Answer(AnswerKind.COMMAND, reply=self._obey(information))]
        return []

    def _obey(self, information: bytes) -> bytes:
        """A 15 frame: length, the server's flag (ties it to its question), text, language."""
        content = information[1:5].ljust(4, b"\x00") + b"OK"
        block = bytes((len(content),)) + content + LANGUAGE_ENGLISH
        return frame(COMMAND_REPLY, block, self._next_serial())

    def _numbered(self, information: bytes) -> Frame:
        serial = self._next_serial()
        return Frame(frame(POSITION, information, serial), serial, 1)


FAMILY = Family("gt06", "GT06 / Concox", imei, Gt06Terminal, stated)
