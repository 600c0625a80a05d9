"""Teltonika over TCP, codec 8: binary, length and CRC, identity in the login only.

    000F | IMEI in ASCII                                                     answered by 01 or 00
    00000000 | length, 4 | 08 | count | records | count | CRC-16/ARC, 4      (big-endian)

The length and the CRC cover codec to second count. The server answers a packet with the number of
records that it took, 4 bytes, which carries no number: one packet is under way at a time. Its
commands are packets of codec 0C. There is no flag for stored positions.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastcrc import crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Memory
from simulator.protocols.terminal import CountedTerminal

PREAMBLE = bytes(4)
HEADER, CRC_SIZE, COUNT_SIZE = 8, 4, 4
RECORDS, COMMANDS = 0x08, 0x0C  # codecs
ORDER, RESPONSE = 0x05, 0x06
ACCEPTED, REFUSED = b"\x01", b"\x00"
PING = b"\xff"
BATCH_RECORDS = 20  # a device's packet has at most 1,280 bytes
LENGTH_MOST = 0xFFFF
IGNITION, SATELLITE_SIGNAL, EXTERNAL_MV, ODOMETER_M = 239, 21, 66, 16  # AVL ids
SIGNAL, VOLTAGE_MV = 4, 12_600

_PLACE = struct.Struct(">QBiihHBH")  # ms, priority, lon, lat, altitude, angle, satellites, speed


def crc(data: bytes) -> int:
    """CRC-16/ARC; BB3D over "123456789"."""
    return int(crc16.arc(data))


def packet(codec: int, count: int, content: bytes) -> bytes:
    """One whole packet."""
    body = bytes((codec, count)) + content + bytes((count,))
    return PREAMBLE + len(body).to_bytes(4, "big") + body + crc(body).to_bytes(CRC_SIZE, "big")


def stated(fix: Fix) -> Stated:
    """Milliseconds, 1e-6 degree (of the 1e-7 that there is room for), whole km/h and degrees."""
    return Stated(
        int(fix.fix_time * 1000),
        round(fix.lat * 1e6),
        round(fix.lon * 1e6),
        min(0xFFFF, round(fix.speed_kmh)) * 10,
        round(fix.course_deg) % 360 * 10,
    )


def record(fix: Fix) -> bytes:
    """One record: the place, then elements of 1, 2, 4 and 8 bytes."""
    said = stated(fix)
    place = _PLACE.pack(
        said.fix_ms,
        0,
        said.lon_e6 * 10,
        said.lat_e6 * 10,
        max(-0x8000, min(0x7FFF, round(fix.altitude_m))),
        said.course_ddeg // 10,
        fix.satellites,
        said.speed_dkmh // 10,
    )
    elements = struct.pack(
        ">BB BBBBB BBH BBI B",
        0, 4,
        2, IGNITION, fix.ignition, SATELLITE_SIGNAL, SIGNAL,
        1, EXTERNAL_MV, VOLTAGE_MV,
        1, ODOMETER_M, round(fix.odometer_m),
        0,
    )  # fmt: skip
    return place + elements


class TeltonikaTerminal(CountedTerminal):
    """The device's end of one connection."""

    batch = BATCH_RECORDS

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._accepted = False

    def hello(self) -> bytes:
        """The IMEI behind its length."""
        return len(self._ident).to_bytes(2, "big") + self._ident.encode("ascii")

    def _records_of(self, fixes: Sequence[Fix]) -> bytes:
        return packet(RECORDS, len(fixes), b"".join(record(fix) for fix in fixes))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """FF, which nobody answers."""
        del fix
        return PING

    def _welcome(self) -> Answer:
        first = self._take(1)
        self._accepted = first == ACCEPTED
        if self._accepted:
            return Answer(AnswerKind.ACCEPTED)
        self._buffer = b""
        kind = AnswerKind.REFUSED if first == REFUSED else AnswerKind.DAMAGED
        return Answer(kind, detail=first.hex())

    def _next(self) -> list[Answer] | None:
        """The answer to the login, then counts and commands.

        Four zeros are the count of a packet of which nothing was taken, or begin a command: while
        no packet is under way, they begin a command.
        """
        buffer = self._buffer
        if not self._accepted:
            return [self._welcome()]
        if len(buffer) < COUNT_SIZE:
            return None
        if not buffer.startswith(PREAMBLE) or (self._records and len(buffer) == COUNT_SIZE):
            self._take(COUNT_SIZE)
            return self._counted(int.from_bytes(buffer[:COUNT_SIZE], "big"))
        if len(buffer) < HEADER:
            return None
        length = int.from_bytes(buffer[COUNT_SIZE:HEADER], "big")
        if not 0 < length <= LENGTH_MOST:
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail="length")]
        end = HEADER + length + CRC_SIZE
        if len(buffer) < end:
            return None
        self._take(end)
        body, check = buffer[HEADER : end - CRC_SIZE], buffer[end - CRC_SIZE : end]
        if crc(body) != int.from_bytes(check, "big"):
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        return [self._ordered(body)]

    def _ordered(self, body: bytes) -> Answer:
        """A command of codec 0C: count, type, size, text, count; answered with its own words."""
        if body[0] != COMMANDS or len(body) < 8 or body[2] != ORDER:
            return Answer(AnswerKind.DAMAGED, detail=f"codec {body[0]:02x}")
        words = body[7:-1]
        kind = AnswerKind.LOCATE if words == b"getrecord" else AnswerKind.COMMAND
        said = words + b": OK"
        content = bytes((RESPONSE,)) + len(said).to_bytes(4, "big") + said
        return Answer(kind, reply=packet(COMMANDS, 1, content), detail=words.decode("latin-1"))


FAMILY = Family(
    "teltonika",
    "Teltonika codec 8",
    imei,
    TeltonikaTerminal,
    stated,
    heartbeat_s=600.0,  # longer than a sleeping device takes for its next record, which is answered
)
