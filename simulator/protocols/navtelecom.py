"""Navtelecom over TCP: NTCB for identity and commands, FLEX 1.0 for telemetry.

    @NTC | receiver, 4 | sender, 4 | length, 2 | XOR of body | XOR of header | body
    ~A | count | records | CRC-8                                            (little-endian)

`*>S:` and the IMEI say who is there; `*>FLEX` with a bit for each field says what a record is made
of. Both are sent at once here, where a device waits for the answer to the first. The server answers
`~A` with the number of records that it took, which carries no number: one message is under way at a
time. The ping, 7F, is not answered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastcrc import crc8

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family
from simulator.protocols.checks import xor8
from simulator.protocols.terminal import CountedTerminal, stated_as

PREAMBLE = b"@NTC"
HEADER = 16
SERVER, DEVICE = 1, 0
FLEX, VERSION, FIELDS = 0xB0, 0x0A, 69
SENT_FIELDS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20)
NO_EVENT = 0xFF00
ENGINE_RUNS = 0x80
FIX = 0x02
UNITS = 600_000  # of a degree
SUPPLY_MV, BATTERY_MV, SIGNAL = 12_600, 4_100, 21
BATCH_RECORDS = 20  # a message has about 1,300 bytes
PING = b"\x7f"
ARRAY_ANSWER = 4  # bytes

_RECORD = struct.Struct("<IHIBBBBIiiifHfHH")


def crc(data: bytes) -> int:
    """CRC-8, polynomial 31, start FF; F7 over "123456789"."""
    return int(crc8.nrsc_5(data))


def frame(receiver: int, sender: int, body: bytes) -> bytes:
    """One NTCB frame."""
    head = PREAMBLE + struct.pack("<IIHB", receiver, sender, len(body), xor8(body))
    return head + bytes((xor8(head),)) + body


def mask(fields: Sequence[int]) -> bytes:
    """A bit for each field, the highest of each byte first."""
    bits = bytearray((FIELDS + 7) // 8)
    for field in fields:
        bits[(field - 1) // 8] |= 0x80 >> ((field - 1) % 8)
    return bytes(bits)


def stated(fix: Fix) -> Stated:
    """Whole seconds, 0.0001 minute, the float nearest to the speed, whole degrees."""
    return stated_as(fix, round(fix.speed_kmh * 10), round(fix.course_deg) % 360 * 10, degree=UNITS)


def record(fix: Fix) -> bytes:
    """One record, of SENT_FIELDS. Its index is its second: it is the same when sent again."""
    said = stated(fix)
    seconds = said.fix_ms // 1000
    modules = 0x29 | (ENGINE_RUNS if fix.ignition else 0)
    state = 1 | FIX | min(63, fix.satellites) << 2
    return _RECORD.pack(
        seconds, NO_EVENT, seconds, 0, modules, SIGNAL, state, seconds,
        round(fix.lat * UNITS), round(fix.lon * UNITS), round(fix.altitude_m * 10),
        fix.speed_kmh, said.course_ddeg // 10, fix.odometer_m / 1000, SUPPLY_MV, BATTERY_MV,
    )  # fmt: skip


class NavtelecomTerminal(CountedTerminal):
    """The device's end of one connection."""

    batch = BATCH_RECORDS

    def hello(self) -> bytes:
        """The IMEI, and the fields of every record to come."""
        named = frame(SERVER, DEVICE, b"*>S:" + self._ident.encode("ascii"))
        agreed = b"*>FLEX" + bytes((FLEX, VERSION, VERSION, FIELDS)) + mask(SENT_FIELDS)
        return named + frame(SERVER, DEVICE, agreed)

    def _records_of(self, fixes: Sequence[Fix]) -> bytes:
        data = b"~A" + bytes((len(fixes),)) + b"".join(record(fix) for fix in fixes)
        return data + bytes((crc(data),))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """7F, which nobody answers."""
        del fix
        return PING

    def _next(self) -> list[Answer] | None:
        """An answer or a command."""
        buffer = self._buffer
        if buffer[:1] == b"~":
            return self._taken()
        if not PREAMBLE.startswith(buffer[:4]):
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail=f"{buffer[0]:02x}")]
        if len(buffer) < HEADER:
            return None
        if xor8(buffer[: HEADER - 1]) != buffer[HEADER - 1]:
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail="header")]
        end = HEADER + int.from_bytes(buffer[12:14], "little")
        if len(buffer) < end:
            return None
        self._take(end)
        body = buffer[HEADER:end]
        if xor8(body) != buffer[14]:
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        return self._told(body)

    def _taken(self) -> list[Answer] | None:
        """~A, the number of records that were taken, CRC."""
        if len(self._buffer) < ARRAY_ANSWER:
            return None
        taken = self._take(ARRAY_ANSWER)
        if crc(taken[:-1]) != taken[-1] or taken[1:2] != b"A":
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        return self._counted(taken[2])

    def _told(self, body: bytes) -> list[Answer]:
        """*<S: go on; *<FLEX: the fields are agreed; anything else is a command or a question."""
        if body == b"*<S":
            return []
        if body == b"*<FLEX" + bytes((FLEX, VERSION, VERSION)):
            return [Answer(AnswerKind.ACCEPTED)]
        if body[:2] not in (b"*!", b"*?"):
            return [Answer(AnswerKind.DAMAGED, detail="body")]
        reply = frame(SERVER, DEVICE, b"*@" + body[2:] + b" OK")
        kind = AnswerKind.LOCATE if body == b"*?A" else AnswerKind.COMMAND
        return [Answer(kind, reply=reply, detail=body.decode("latin-1"))]


FAMILY = Family(
    "navtelecom",
    "Navtelecom FLEX 1.0",
    imei,
    NavtelecomTerminal,
    stated,
    heartbeat_s=120.0,
)
