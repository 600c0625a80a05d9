"""Meitrack over TCP: text or binary data in a text frame, length and sum, identity in each.

    $$ | flag | length | , | IMEI | , | command | ,data | * | sum | \\r\\n     (the server: @@)

The length counts from the comma behind it to the end; the sum is that of all bytes up to *, modulo
256. Positions go as CCC, whose answer repeats the flag, with one record or with several stored
ones; AAC is the login and the heartbeat. CCC has no flag for stored positions. (little-endian)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import LineTerminal, stated_as

START, SERVER_START, END = b"$$", b"@@", b"\r\n"
TAIL = 5  # *, sum and line end
FIRST_FLAG, LAST_FLAG = ord("A"), ord("z")
WINDOW = 32  # frames under way; there are 58 flags
BATCH_RECORDS = 18  # a device's frame has at most about 1,000 bytes
EPOCH_S = 946_684_800  # 2000-01-01 UTC
PROTOCOL = b"\x02\x01"
PERIODIC = 35  # event codes
REPLY = 34
CSQ, BATTERY_CV, EXTERNAL_CV = 20, 410, 1260
IGNITION_INPUT = 1 << 8
MAX_SPEED_KMH = 0xFFFF

_RECORD = struct.Struct("<BiiIBBBHHHhIIHHHHHHHHI")


def frame(flag: str, ident: str, words: bytes) -> bytes:
    """One whole frame; `words` are command and data."""
    content = f",{ident},".encode() + words + b"*"
    head = START + flag.encode() + str(len(content) + TAIL - 1).encode() + content
    return head + f"{sum(head) % 256:02X}".encode() + END


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, whole km/h and degrees."""
    speed_dkmh = min(MAX_SPEED_KMH, round(fix.speed_kmh)) * 10
    return stated_as(fix, speed_dkmh, round(fix.course_deg) % 360 * 10)


def record(fix: Fix) -> bytes:
    """One record of CCC, 52 bytes."""
    said = stated(fix)
    return _RECORD.pack(
        PERIODIC,
        said.lat_e6,
        said.lon_e6,
        said.fix_ms // 1000 - EPOCH_S,
        1,
        fix.satellites,
        CSQ,
        said.speed_dkmh // 10,
        said.course_ddeg // 10,
        9,  # HDOP 0.9
        max(-0x8000, min(0x7FFF, round(fix.altitude_m))),
        round(fix.odometer_m),
        0,
        *(1, 1, 1, 1),  # network 001-01, the test network: no real cell
        IGNITION_INPUT if fix.ignition else 0,
        0,
        BATTERY_CV,
        EXTERNAL_CV,
        0,
    )


class MeitrackTerminal(LineTerminal):
    """The device's end of one connection."""

    end = END
    window = WINDOW

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._serials: dict[str, int] = {}  # by the flags under way
        self._fixes: dict[str, int] = {}
        self._accepted = False

    def hello(self) -> bytes:
        """AAC."""
        return frame("z", self._ident, b"AAC")

    def position(self, fix: Fix) -> Frame:
        """CCC with one record."""
        self._last = fix
        return self._numbered([fix], left=1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """CCC with as many stored records as fit."""
        return self._numbered(fixes[:BATCH_RECORDS], left=len(fixes))

    def _numbered(self, fixes: Sequence[Fix], left: int) -> Frame:
        flag = chr(FIRST_FLAG + self._serial % (LAST_FLAG - FIRST_FLAG))  # z is the heartbeat's
        self._serial += 1
        self._serials[flag], self._fixes[flag] = self._serial, len(fixes)
        head = b"CCC," + PROTOCOL + struct.pack("<HI", _RECORD.size, left)
        data = frame(flag, self._ident, head + b"".join(record(fix) for fix in fixes))
        return Frame(data, self._serial, len(fixes))

    def _line(self, said: bytes) -> list[Answer]:
        head, star, check = said.rpartition(b"*")
        if not star or f"{sum(head + star) % 256:02X}".encode() != check:
            return [Answer(AnswerKind.DAMAGED, detail="sum")]
        parts = head.decode("latin-1").split(",")
        if not head.startswith(SERVER_START) or len(parts) < 3 or parts[1] != self._ident:
            return [Answer(AnswerKind.DAMAGED, detail=head[:40].decode("latin-1"))]
        return [self._answer(parts[0][2:3], parts[2], parts[3:])]

    def _answer(self, flag: str, command: str, words: Sequence[str]) -> Answer:
        if command == "AAC":
            kind = AnswerKind.BEAT if self._accepted else AnswerKind.ACCEPTED
            self._accepted = True
            return Answer(kind)
        if command == "CCC":
            wanted = self._fixes.pop(flag, None)
            serial = self._serials.pop(flag, -1)
            kind = AnswerKind.ACKNOWLEDGED if words == [str(wanted)] else AnswerKind.REJECTED
            return Answer(kind, serial, detail=",".join(words))
        if command == "A10" and self._last is not None:
            return Answer(AnswerKind.COMMAND, reply=self._report(flag, self._last), detail=command)
        reply = frame(flag, self._ident, f"{command},OK".encode())
        return Answer(AnswerKind.COMMAND, reply=reply, detail=command)

    def _report(self, flag: str, fix: Fix) -> bytes:
        """AAA with the event "reply", up to the altitude."""
        said = stated(fix)
        moment = f"{datetime.fromtimestamp(said.fix_ms // 1000, UTC):%y%m%d%H%M%S}"
        place = f"{said.lat_e6 / 1e6:.6f},{said.lon_e6 / 1e6:.6f},{moment},A,{fix.satellites},{CSQ}"
        motion = f"{said.speed_dkmh // 10},{said.course_ddeg // 10},0.9,{round(fix.altitude_m)}"
        return frame(flag, self._ident, f"AAA,{REPLY},{place},{motion}".encode())


FAMILY = Family("meitrack", "Meitrack", imei, MeitrackTerminal, stated)
