"""Ruptela over TCP: records in binary packets with a CRC, the identity in each.

    length u16 | IMEI u64 | command u8 | payload | CRC-16/KERMIT u16                (big-endian)
    length u16 | command + 100 u8 | payload | CRC                                   the server

Length and CRC cover what stands between them. 15 names the device and its firmware, 16 is the
heartbeat, 1 carries records; the server's answers carry no number, so one packet of records is
under way at a time. Commands are texts of an SMS in 108, answered by 7. There is no flag for stored
records.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastcrc import crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import StreamTerminal, stated_as

RECORDS, SMS_ANSWER, SMS, IDENTIFICATION, HEARTBEAT, SET_IO = 1, 7, 8, 15, 16, 17
TO_DEVICE = 100
RECORDS_ANSWER = 100
DONE = b"\x01"
OVERHEAD = 4  # length and CRC
LENGTH_MOST = 1024  # of what a server says
BATCH_RECORDS = 15  # a device's packet has at most 1,024 bytes
FIRMWARE = b"00.03.68.04\0\0\0\0"
IDENTITY = struct.Struct(">QIIIH")
IMSI, OPERATOR = 1_010_000_000_001, 101  # the test network 001-01
PERIODIC = 7  # id of the event
IGNITION, SIGNAL, EXTERNAL_MV, BATTERY_MV, ODOMETER_M = 251, 27, 29, 30, 65  # I/O elements
CSQ, EXTERNAL, BATTERY = 20, 12_600, 4_100

_RECORD = struct.Struct(">IBB iihHBHB B")


def packet(body: bytes) -> bytes:
    """Length and CRC around everything between them."""
    return len(body).to_bytes(2, "big") + body + int(crc16.kermit(body)).to_bytes(2, "big")


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree (of the 1e-7 that there is room for), whole km/h, 0.01 degree."""
    speed_dkmh = round(fix.speed_kmh) * 10
    return stated_as(fix, speed_dkmh, round(round(fix.course_deg * 100) % 36_000 / 10) % 3600)


def record(fix: Fix) -> bytes:
    """One record: time and place, then elements of 1, 2, 4 and 8 bytes."""
    said = stated(fix)
    place = _RECORD.pack(
        said.fix_ms // 1000,
        0,
        0,
        said.lon_e6 * 10,
        said.lat_e6 * 10,
        max(-5000, min(0x7FFF, round(fix.altitude_m * 10))),
        round(fix.course_deg * 100) % 36_000,
        fix.satellites,
        round(fix.speed_kmh),
        9,  # HDOP 0.9
        PERIODIC,
    )
    ones = bytes((2, IGNITION, fix.ignition, SIGNAL, CSQ))
    twos = struct.pack(">BBHBH", 2, EXTERNAL_MV, EXTERNAL, BATTERY_MV, BATTERY)
    fours = struct.pack(">BBI", 1, ODOMETER_M, round(fix.odometer_m) & 0xFFFFFFFF)
    return place + ones + twos + fours + b"\0"


class RuptelaTerminal(StreamTerminal):
    """The device's end of one connection."""

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._imei = int(ident)

    def _packet(self, command: int, payload: bytes) -> bytes:
        return packet(self._imei.to_bytes(8, "big") + bytes((command,)) + payload)

    def hello(self) -> bytes:
        """15: firmware, IMSI, operator, and how often it reports."""
        return self._packet(IDENTIFICATION, FIRMWARE + IDENTITY.pack(IMSI, OPERATOR, 1000, 60, 30))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """16."""
        del fix
        return self._packet(HEARTBEAT, b"")

    def position(self, fix: Fix) -> Frame:
        """A packet of one record."""
        return self._records([fix], left=0)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A packet of as many stored records as fit."""
        taken = fixes[:BATCH_RECORDS]
        return self._records(taken, left=min(0xFF, len(fixes) - len(taken)))

    def _records(self, fixes: Sequence[Fix], left: int) -> Frame:
        self._serial += 1
        payload = bytes((left, len(fixes))) + b"".join(record(fix) for fix in fixes)
        return Frame(self._packet(RECORDS, payload), self._serial, len(fixes))

    def _next(self) -> list[Answer] | None:
        """A packet by its length."""
        if len(self._buffer) < 2:
            return None
        length = int.from_bytes(self._buffer[:2], "big")
        if not 0 < length <= LENGTH_MOST:
            self._buffer = b""
            return [Answer(AnswerKind.DAMAGED, detail="length")]
        whole = length + OVERHEAD
        return None if len(self._buffer) < whole else [self._answer(self._take(whole))]

    def _answer(self, said: bytes) -> Answer:
        body = said[2:-2]
        if packet(body) != said:
            return Answer(AnswerKind.DAMAGED, detail="checksum")
        command, payload = body[0], body[1:]
        if command == RECORDS_ANSWER:
            kind = AnswerKind.ACKNOWLEDGED if payload == DONE else AnswerKind.REJECTED
            return Answer(kind, self._serial)
        if command == TO_DEVICE + IDENTIFICATION:
            return Answer(AnswerKind.ACCEPTED if payload == DONE else AnswerKind.REFUSED)
        if command == TO_DEVICE + HEARTBEAT:
            return Answer(AnswerKind.BEAT)
        if command == TO_DEVICE + SMS:
            return self._obey(payload)
        if command == TO_DEVICE + SET_IO:
            reply = self._packet(SET_IO, DONE)
            return Answer(AnswerKind.COMMAND, reply=reply, detail=payload.hex())
        return Answer(AnswerKind.DAMAGED, detail=f"command {command}")

    def _obey(self, words: bytes) -> Answer:
        """The text of an SMS: the password or nothing, a blank, the words."""
        order = words.partition(b" ")[2]
        kind = AnswerKind.LOCATE if order == b"coords" else AnswerKind.COMMAND
        reply = self._packet(SMS_ANSWER, order + b" ok")
        return Answer(kind, reply=reply, detail=order.decode("latin-1"))


FAMILY = Family("ruptela", "Ruptela records", imei, RuptelaTerminal, stated)
