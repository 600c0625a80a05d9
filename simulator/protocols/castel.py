"""Castel's OBD devices (SC, version 4): binary, length and CRC, identity in every frame.

    40 40 | length WORD | version | id ASCII 20 | type WORD | content | CRC WORD | 0D 0A

Little-endian but for the type; the length counts all, the CRC (X-25) covers all before it. The
server answers the login 1001 by 9001 and the heartbeat 1003 by 9003, and positions (4001) not at
all: it reads one connection in order, so the answer to a heartbeat stands for what came before it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.checks import crc_itu
from simulator.protocols.terminal import UNLIMITED, StreamTerminal, stated_as
from simulator.protocols.vouching import Vouched

MARK, STOP = b"\x40\x40", b"\x0d\x0a"
VERSION = 4
ID_SIZE, HEAD, TAIL = 20, 27, 4
FRAME_MOST = 1024
LOGIN, HEARTBEAT, POSITIONS = 0x1001, 0x1003, 0x4001
LOCATE, QUERY, ANSWER = 0x3001, 0x2002, 0x8000
DEGREE = 3_600_000  # units of latitude and longitude in one degree
CMS_KMH = 0.036  # 1 cm/s
EAST, NORTH, FIXED = 0x01, 0x02, 0x0C
IGNITION = 1 << 18
BATCH = 10  # a device's frame has at most about 300 bytes
STRINGS = b"IDD-213L V1.1.2\0IDD-213L V1.1.0\0\0\0"  # software, hardware, no settings

_STATE = struct.Struct("<IIIIIHI8xB")  # … and how many positions follow
_PLACE = struct.Struct("<6BIIHHB")


def frame(ident: str, kind: int, content: bytes = b"") -> bytes:
    """One whole frame."""
    length = (HEAD + len(content) + TAIL).to_bytes(2, "little")
    name = ident.encode("ascii").ljust(ID_SIZE, b"\0")
    body = MARK + length + bytes((VERSION,)) + name + kind.to_bytes(2, "big") + content
    return body + crc_itu(body).to_bytes(2, "little") + STOP


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1/3,600,000 degree, whole cm/s, 0.1 degree of course."""
    speed_dkmh = round(speed_cms(fix) * CMS_KMH * 10)
    return stated_as(fix, speed_dkmh, round(fix.course_deg * 10) % 3600, degree=DEGREE)


def speed_cms(fix: Fix) -> int:
    """Speed in cm/s."""
    return min(0xFFFF, round(fix.speed_kmh / CMS_KMH))


def state(fix: Fix | None, count: int) -> bytes:
    """Ignition on since, now, odometer, trip, fuel, fuel of the trip, state; so many positions."""
    if fix is None:
        return _STATE.pack(0, 0, 0, 0, 0, 0, 0, count)
    now, odometer_m = int(fix.fix_time), round(fix.odometer_m)
    return _STATE.pack(now, now, odometer_m, 0, 0, 0, IGNITION if fix.ignition else 0, count)


def place(fix: Fix) -> bytes:
    """One position: date and time in UTC, place, speed, course, flags."""
    moment = datetime.fromtimestamp(int(fix.fix_time), UTC)
    flags = min(15, fix.satellites) << 4 | FIXED
    flags |= (EAST if fix.lon >= 0 else 0) | (NORTH if fix.lat >= 0 else 0)
    return _PLACE.pack(
        moment.day, moment.month, moment.year - 2000, moment.hour, moment.minute, moment.second,
        round(abs(fix.lat) * DEGREE), round(abs(fix.lon) * DEGREE),
        speed_cms(fix), round(fix.course_deg * 10) % 3600, flags,
    )  # fmt: skip


class CastelTerminal(StreamTerminal):
    """The device's end of one connection."""

    window = UNLIMITED
    answered = False

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._vouched = Vouched()

    def hello(self) -> bytes:
        """1001: a state without positions, and what the device is."""
        return frame(self._ident, LOGIN, state(None, 0) + STRINGS)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """1003: nothing."""
        del fix
        self._vouched.beat()
        return frame(self._ident, HEARTBEAT)

    def position(self, fix: Fix) -> Frame:
        """4001 with one position, just made."""
        return self._positions([fix], stored=False)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """4001 of history, with as many positions as fit."""
        return self._positions(fixes[:BATCH], stored=True)

    def _positions(self, fixes: Sequence[Fix], *, stored: bool) -> Frame:
        self._last = fixes[-1]
        content = bytes((stored,)) + state(fixes[-1], len(fixes)) + b"".join(map(place, fixes))
        data = frame(self._ident, POSITIONS, content)
        return Frame(data, self._vouched.position(), len(fixes))

    def _next(self) -> list[Answer] | None:
        """A frame by its length; where one does not fit, the search goes on a byte later."""
        if len(self._buffer) < 4:
            return None
        length = int.from_bytes(self._buffer[2:4], "little")
        if not self._buffer.startswith(MARK) or not HEAD + TAIL <= length <= FRAME_MOST:
            return self._skip(MARK, "no frame")
        if len(self._buffer) < length:
            return None
        whole = self._buffer[:length]
        if crc_itu(whole[:-TAIL]) != int.from_bytes(whole[-TAIL:-2], "little"):
            return self._skip(MARK, "checksum")
        self._take(length)
        return self._answer(int.from_bytes(whole[25:27], "big"), whole[HEAD:-TAIL])

    def _answer(self, kind: int, content: bytes) -> list[Answer]:
        if kind == LOGIN | ANSWER:
            return [Answer(AnswerKind.ACCEPTED)]
        if kind == HEARTBEAT | ANSWER:
            return [Answer(AnswerKind.BEAT), *self._vouched.answered()]
        if kind == LOCATE and self._last is not None:
            said = content[:2] + state(self._last, 1) + place(self._last)
            return [self._obeyed(AnswerKind.COMMAND, kind, said)]
        if kind == QUERY and len(content) >= 3:
            tags = content[3 : 3 + 2 * content[2]]
            said = content[:2] + b"\x01\x00" + bytes((len(tags) // 2,)) + tags + b"\x00"
            return [self._obeyed(AnswerKind.COMMAND, kind, said)]
        return [Answer(AnswerKind.COMMAND, detail=f"{kind:04x}")]

    def _obeyed(self, what: AnswerKind, kind: int, said: bytes) -> Answer:
        """The answer to a question: its type with the first bit set."""
        reply = frame(self._ident, kind | ANSWER, said)
        return Answer(what, reply=reply, detail=f"{kind:04x}")


FAMILY = Family("castel", "Castel OBD", imei, CastelTerminal, stated, heartbeat_s=60.0)
