"""The generic 0x55 frame of teaching projects and home-made modules, in one fixed profile.

    55 | address | command | N | payload (N) | XOR of all bytes before it       (big-endian)

Commands of a device: 01 position, 02 heartbeat, 03 login, 04 batch. The server answers with command
81, payload `<answered command> <result>`, or in the short form `command|80`, payload `<result>`.
Acks carry no number, so a device has one position frame under way at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.checks import xor8
from simulator.protocols.terminal import StreamTerminal, stated_as

START = 0x55
ADDRESS = 0x01  # one device per connection; the server knows it by its login
POSITION, HEARTBEAT, LOGIN, BATCH = 0x01, 0x02, 0x03, 0x04
ACK = 0x81
SHORT_ACK = 0x80  # set in the answered command
COMMANDS = range(0x10, 0x16)  # server -> device
REQUEST_POSITION = 0x11
FROM_SERVER = frozenset({*COMMANDS, *(SHORT_ACK | command for command in range(1, 8))})
RESULT_OK, RESULT_BUSY, RESULT_NO_LOGIN = 0, 1, 2
BATCH_FIXES = 12  # the profile's limit: 1 + 12 x 20 bytes is what the one-byte length can hold
# A batch is acknowledged with its count where other acks have their result. Below this size the
# two could be confused, so fewer stored fixes go as single positions.
LEAST_BATCH = 5
OVERHEAD = 5

FIX_VALID, IGNITION, STORED, MOVING = 1, 2, 16, 32
MOVING_ABOVE_KMH = 1.0

# time, lat, lon, speed, course, altitude, satellites, status
_POSITION = struct.Struct(">IiiHHhBB")


def frame(command: int, payload: bytes = b"", address: int = ADDRESS) -> bytes:
    """One whole frame."""
    body = bytes((START, address, command, len(payload))) + payload
    return body + bytes((xor8(body),))


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, 0.1 degree."""
    return stated_as(fix, min(0xFFFF, round(fix.speed_kmh * 10)), round(fix.course_deg * 10) % 3600)


def position_payload(fix: Fix, *, is_stored: bool = False) -> bytes:
    """The 20 bytes of a position."""
    said = stated(fix)
    status = FIX_VALID | (IGNITION if fix.ignition else 0) | (STORED if is_stored else 0)
    if fix.speed_kmh > MOVING_ABOVE_KMH:
        status |= MOVING
    return _POSITION.pack(
        said.fix_ms // 1000,
        said.lat_e6,
        said.lon_e6,
        said.speed_dkmh,
        said.course_ddeg,
        max(-0x8000, min(0x7FFF, round(fix.altitude_m))),
        fix.satellites,
        status,
    )


class Frame55Terminal(StreamTerminal):
    """The device's end of one connection."""

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._fixes = 0  # of the frame under way

    def hello(self) -> bytes:
        """LOGIN with the identity in ASCII."""
        return frame(LOGIN, self._ident.encode("ascii"))

    def position(self, fix: Fix) -> Frame:
        """POSITION."""
        return self._numbered(POSITION, position_payload(fix), 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """BATCH of at most 12, each flagged as stored; or one POSITION where they are few."""
        if len(fixes) < LEAST_BATCH:
            return self._numbered(POSITION, position_payload(fixes[0], is_stored=True), 1)
        chosen = fixes[:BATCH_FIXES]
        payload = b"".join(position_payload(fix, is_stored=True) for fix in chosen)
        return self._numbered(BATCH, bytes((len(chosen),)) + payload, len(chosen))

    def _numbered(self, command: int, payload: bytes, fixes: int) -> Frame:
        self._serial += 1
        self._fixes = fixes
        return Frame(frame(command, payload), self._serial, fixes)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """HEARTBEAT without payload."""
        del fix
        return frame(HEARTBEAT)

    def _next(self) -> list[Answer] | None:
        """A frame; after a bad checksum one byte is skipped, as there is no escaping."""
        buffer = self._buffer
        if len(buffer) < OVERHEAD:
            return None
        end = OVERHEAD + buffer[3]
        if buffer[0] != START or buffer[2] not in FROM_SERVER:
            self._take(1)
            return []
        if end > len(buffer):
            return None
        if xor8(buffer[:end]):
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        self._take(end)
        return [self._answer(buffer[2], buffer[4 : end - 1])]

    def _answer(self, command: int, payload: bytes) -> Answer:
        if command == ACK and len(payload) >= 2:
            return self._acknowledged(payload[0], payload[1])
        if command & SHORT_ACK:
            answered, result = command & ~SHORT_ACK, payload[0] if payload else RESULT_OK
            return self._acknowledged(answered, result)
        kind = AnswerKind.LOCATE if command == REQUEST_POSITION else AnswerKind.COMMAND
        return Answer(kind, reply=frame(ACK, bytes((command, RESULT_OK))))

    def _acknowledged(self, answered: int, result: int) -> Answer:
        detail = f"result {result}"
        if answered == LOGIN:
            kind = AnswerKind.ACCEPTED if result == RESULT_OK else AnswerKind.REFUSED
            return Answer(kind, detail=detail)
        if answered == BATCH and result >= LEAST_BATCH:
            result = RESULT_OK if result == self._fixes else RESULT_BUSY
        elif result == RESULT_NO_LOGIN:
            return Answer(AnswerKind.REFUSED, detail=detail)
        if answered == HEARTBEAT:
            return Answer(AnswerKind.BEAT)
        kind = AnswerKind.ACKNOWLEDGED if result == RESULT_OK else AnswerKind.REJECTED
        return Answer(kind, self._serial, detail=detail)


FAMILY = Family("frame55", "Generic 0x55 frame", imei, Frame55Terminal, stated)
