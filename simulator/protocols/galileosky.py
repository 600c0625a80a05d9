"""Galileosky over TCP: binary tags, CRC, identity in the first packet only.

    01 | length, 2 | tags | CRC, 2                          (little-endian)

Bit 15 of the length says that more is waiting. The CRC is CRC-16/MODBUS of everything in front of
it. The server answers each packet with 02 and that packet's CRC, which is its name: one packet is
under way at a time. A command has the tags E0 (its number) and E1 (its text), and so has what is
answered to it. A tag that comes again begins the next record.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastcrc import crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import StreamTerminal, stated_as

PACKET, TAKEN = 0x01, 0x02
WAITING = 0x8000
HEADER, CRC_SIZE = 3, 2
TAKEN_SIZE = 3
BATCH_RECORDS = 16  # a packet has at most 1,000 bytes
TERMINAL_ID = 50
STARTED = 1 << 9  # bit of the status: the vehicle is started
SUPPLY_MV, BATTERY_MV, HDOP = 12_600, 4_100, 9


def crc(data: bytes) -> int:
    """CRC-16/MODBUS; 4B37 over "123456789"."""
    return int(crc16.modbus(data))


def packet(tags: bytes, *, waiting: bool = False) -> bytes:
    """One whole packet."""
    length = len(tags) | (WAITING if waiting else 0)
    data = bytes((PACKET,)) + length.to_bytes(2, "little") + tags
    return data + crc(data).to_bytes(CRC_SIZE, "little")


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, 0.1 degree."""
    return stated_as(fix, min(0xFFFF, round(fix.speed_kmh * 10)), round(fix.course_deg * 10) % 3600)


def record(fix: Fix) -> bytes:
    """The tags of one record. Its number is that of its second: it is the same when sent again."""
    said = stated(fix)
    return struct.pack(
        "<BH BI BBii BHH Bh BB BH BH BH BI",
        0x10, said.fix_ms // 1000 & 0xFFFF,
        0x20, said.fix_ms // 1000,
        0x30, min(15, fix.satellites), said.lat_e6, said.lon_e6,
        0x33, said.speed_dkmh, said.course_ddeg,
        0x34, max(-0x8000, min(0x7FFF, round(fix.altitude_m))),
        0x35, HDOP,
        0x40, STARTED if fix.ignition else 0,
        0x41, SUPPLY_MV,
        0x42, BATTERY_MV,
        0xD4, round(fix.odometer_m) & 0xFFFFFFFF,
    )  # fmt: skip


class GalileoskyTerminal(StreamTerminal):
    """The device's end of one connection."""

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._sent: dict[bytes, tuple[AnswerKind, int]] = {}  # what an answer means, by its CRC

    def _under_way(self, data: bytes, kind: AnswerKind, serial: int = -1) -> bytes:
        others = {crc: told for crc, told in self._sent.items() if told[0] is not kind}
        self._sent = {**others, data[-CRC_SIZE:]: (kind, serial)}
        return data

    def _head(self) -> bytes:
        named = b"\x03" + self._ident.encode("ascii") + b"\x04" + TERMINAL_ID.to_bytes(2, "little")
        return packet(b"\x01\x82\x02\x13" + named)

    def hello(self) -> bytes:
        """Versions, IMEI, the device's own number."""
        return self._under_way(self._head(), AnswerKind.ACCEPTED)

    def position(self, fix: Fix) -> Frame:
        """A packet of one record."""
        return self._numbered([fix], waiting=False)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A packet of as many stored records as fit."""
        return self._numbered(fixes[:BATCH_RECORDS], waiting=len(fixes) > BATCH_RECORDS)

    def _numbered(self, fixes: Sequence[Fix], *, waiting: bool) -> Frame:
        self._serial += 1
        tags = b"".join(record(fix) for fix in fixes)
        data = packet(tags, waiting=waiting)
        return Frame(
            self._under_way(data, AnswerKind.ACKNOWLEDGED, self._serial), self._serial, len(fixes)
        )

    def heartbeat(self, fix: Fix | None) -> bytes:
        """The first packet once more: there is no heartbeat of its own."""
        del fix
        return self._under_way(self._head(), AnswerKind.BEAT)

    def _next(self) -> list[Answer] | None:
        """An answer or a command."""
        buffer = self._buffer
        if buffer[0] == TAKEN:
            return None if len(buffer) < TAKEN_SIZE else [self._answer(self._take(TAKEN_SIZE)[1:])]
        if buffer[0] != PACKET:
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail=f"{buffer[0]:02x}")]
        if len(buffer) < HEADER:
            return None
        end = HEADER + int.from_bytes(buffer[1:HEADER], "little") + CRC_SIZE
        if len(buffer) < end:
            return None
        frame = self._take(end)
        if crc(frame[:-CRC_SIZE]) != int.from_bytes(frame[-CRC_SIZE:], "little"):
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        return [self._ordered(frame[HEADER:-CRC_SIZE])]

    def _answer(self, answered: bytes) -> Answer:
        """To the packet that has this CRC."""
        known = self._sent.pop(answered, None)
        if known is None:
            return Answer(AnswerKind.DAMAGED, detail="an answer to nothing")
        return Answer(known[0], known[1])

    def _ordered(self, tags: bytes) -> Answer:
        """03 IMEI, 04 number, E0 number of the command, E1 length and text; answered in kind."""
        named = b"\x03" + self._ident.encode("ascii") + b"\x04"
        if not tags.startswith(named) or tags[19:20] != b"\xe0" or tags[24:25] != b"\xe1":
            return Answer(AnswerKind.DAMAGED, detail="not a command for us")
        words = tags[26 : 26 + tags[25]]
        said = words + b" OK"
        reply = packet(tags[:25] + bytes((len(said) & 0xFF,)) + said[:0xFF])
        kind = AnswerKind.LOCATE if words == b"status" else AnswerKind.COMMAND
        return Answer(kind, reply=reply, detail=words.decode("latin-1"))


FAMILY = Family(
    "galileosky",
    "Galileosky tags",
    imei,
    GalileoskyTerminal,
    stated,
    heartbeat_s=120.0,
)
