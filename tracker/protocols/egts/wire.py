"""EGTS packets and the records in them, and the state of one connection that speaks them.

    packet      01 | key u8 | flags u8 | header length u8 | encoding u8 | data length u16 |
                packet id u16 | type u8 | [peer u16 | recipient u16 | life u8] | header CRC u8 |
                data | data CRC u16
    record      length u16 | number u16 | flags u8 | [object u32] | [event u32] | [time u32] |
                source service u8 | recipient service u8 | subrecords
    subrecord   type u8 | length u16 | content

Numbers are little-endian; times count seconds since 2010. The header's CRC is CRC-8 (polynomial
31, start FF), that of the data CRC-16/CCITT-FALSE. Source: docs/protocols/egts.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.model import Command
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import crc8_egts, crc16_ccitt_false
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_frames
from tracker.protocols.unanswered import Numbered

VERSION = 0x01
HEADER, ROUTED = 11, 16  # lengths of a header without and with a route
FIXED = 10  # bytes of a header that are always there, in front of the CRC
EPOCH_S = 1_262_304_000  # 2010-01-01 UTC

RESPONSE, APPDATA, SIGNED = 0, 1, 2  # types of a packet
ENCRYPTED, COMPRESSED = 0x18, 0x04  # flags of a packet
PREFIX = 0xC0  # flags of a packet, always 0 in this version

AUTH, TELEDATA, COMMANDS, FIRMWARE, ECALL = 1, 2, 4, 9, 10  # services
SERVICES = frozenset({AUTH, TELEDATA, COMMANDS, FIRMWARE, ECALL})
RECORD_RESPONSE, RESULT_CODE = 0, 9  # subrecords

# Results of processing.
OK, DECRYPT_ERROR, DATA_FORM, TYPE_UNSUPPORTED = 0, 129, 132, 133
DATA_CRC, SERVICE_UNKNOWN, AUTH_DENIED, ID_UNKNOWN = 138, 150, 151, 153

HAS_OBJECT, HAS_EVENT, HAS_TIME = 1, 2, 4  # flags of a record

# A packet sent over a stalled radio link may take this long; half a packet after a longer pause
# was cut off, and the device connects anew.
PATIENCE_S = 60.0

# A platform hands on the commands of many devices.
UNANSWERED_MOST = 64


class Packet(NamedTuple):
    """One packet, taken apart."""

    kind: int
    number: int
    flags: int
    data: bytes


class Record(NamedTuple):
    """One record. `object_id` and `time` are None where it does not state them."""

    number: int
    object_id: int | None
    time: float | None
    service: int
    content: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the packet that starts at `at`, MORE or NEVER: a header with a wrong CRC is none."""
    if len(data) < at + 4:
        return MORE
    head = data[at + 3]
    if data[at + 2] & PREFIX or head not in (HEADER, ROUTED):
        return NEVER
    if len(data) < at + head:
        return MORE
    if crc8_egts(bytes(data[at : at + head - 1])) != data[at + head - 1]:
        return NEVER
    length = int.from_bytes(data[at + 5 : at + 7], "little")
    return head + (length + 2 if length else 0)


def fault(frame: bytes) -> str:
    """A right packet has the right CRC over its data, if it has any."""
    body = frame[frame[3] :]
    if not body:
        return ""
    crc = int.from_bytes(body[-2:], "little")
    return "" if crc16_ccitt_false(body[:-2]) == crc else "checksum"


def long_enough(data: Bytes, at: int) -> bool:
    """The header of a packet that is too long for a probe has a CRC of its own, of 8 bits; its
    type, and the first record, must be possible as well.
    """
    head = data[at + 3]
    if len(data) < at + PROBE_LIMIT // 2 or data[at + 9] != APPDATA:
        return False
    body = at + head
    length = int.from_bytes(data[at + 5 : at + 7], "little")
    record = int.from_bytes(data[body : body + 2], "little")
    services = body + 5 + 4 * (data[body + 4] & 7).bit_count()
    return 0 < record <= length and data[services] in SERVICES


def _first_fault(frame: bytes) -> str:
    """A header alone, of eight bits of CRC, is no evidence."""
    return fault(frame) if len(frame) > frame[3] else "length"


FRAMING = Framing(re.compile(rb"\x01"), size, fault, PATIENCE_S)
_FIRST = replace(FRAMING, fault=_first_fault, long_enough=long_enough)


def probe(data: bytes) -> Match:
    """Whether a connection that begins so speaks EGTS."""
    return probe_frames(_FIRST, data)


def unpack(frame: bytes) -> Packet:
    """Take a right packet apart."""
    number = int.from_bytes(frame[7:9], "little")
    return Packet(frame[9], number, frame[2], frame[frame[3] : -2])


def records(data: bytes) -> list[Record]:
    """The records in the data of a packet. Raises DecodeError if they do not fill it."""
    found: list[Record] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "little")
        number = int.from_bytes(data[at + 2 : at + 4], "little")
        flags = data[at + 4]
        at += 5
        stated: list[int | None] = []
        for flag in (HAS_OBJECT, HAS_EVENT, HAS_TIME):
            stated.append(int.from_bytes(data[at : at + 4], "little") if flags & flag else None)
            at += 4 if flags & flag else 0
        service = data[at]
        at += 2
        if not length or at + length > len(data):
            raise DecodeError("length", f"egts: a record of {length} bytes", data)
        time = None if stated[2] is None else float(stated[2] + EPOCH_S)
        found.append(Record(number, stated[0], time, service, data[at : at + length]))
        at += length
    return found


def subrecords(content: bytes) -> list[tuple[int, bytes]]:
    """Types and contents of a record's subrecords. Raises DecodeError if they do not fill it."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(content):
        end = at + 3 + int.from_bytes(content[at + 1 : at + 3], "little")
        if end > len(content) or at + 3 > len(content):
            raise DecodeError("length", "egts: a subrecord is cut off", content)
        found.append((content[at], content[at + 3 : end]))
        at = end
    return found


def subrecord(kind: int, content: bytes) -> bytes:
    """One subrecord."""
    return bytes((kind,)) + len(content).to_bytes(2, "little") + content


def pack(kind: int, number: int, data: bytes) -> bytes:
    """A whole packet without a route."""
    head = bytes((VERSION, 0, 0, HEADER, 0)) + len(data).to_bytes(2, "little")
    head += number.to_bytes(2, "little") + bytes((kind,))
    whole = head + bytes((crc8_egts(head),))
    return whole + data + crc16_ccitt_false(data).to_bytes(2, "little") if data else whole


class Link:
    """What one connection knows beyond its Session: our numbers, who is there, what is asked."""

    __slots__ = ("_packet", "_record", "asked", "home", "session", "terminal_id")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.terminal_id: int | None = None  # that the authenticated device has given itself
        self.home: str | None = None  # its identity
        self._packet = self._record = 0
        self.asked = Numbered(UNANSWERED_MOST)  # by the number of our record

    @property
    def numbers(self) -> tuple[int, int]:
        """Of our next packet and record; set back where of two answers only one is sent."""
        return self._packet, self._record

    @numbers.setter
    def numbers(self, numbers: tuple[int, int]) -> None:
        self._packet, self._record = numbers

    def _next_packet(self) -> int:
        number = self._packet
        self._packet = (number + 1) & 0xFFFF
        return number

    def record(self, service: int, content: bytes) -> bytes:
        """One record of ours with the next number."""
        number = self._record
        self._record = (number + 1) & 0xFFFF
        head = len(content).to_bytes(2, "little") + number.to_bytes(2, "little")
        return head + bytes((0, service, service)) + content

    def response(
        self, packet: Packet, told: Iterable[tuple[Record, int]], result: int = OK
    ) -> bytes:
        """The answer to a packet: its number, the result, and one for each of its records."""
        data = packet.number.to_bytes(2, "little") + bytes((result,))
        for record, outcome in told:
            content = record.number.to_bytes(2, "little") + bytes((outcome,))
            data += self.record(record.service, subrecord(RECORD_RESPONSE, content))
        return pack(RESPONSE, self._next_packet(), data)

    def result(self, code: int) -> bytes:
        """The packet that ends an authentication."""
        return self.appdata(AUTH, subrecord(RESULT_CODE, bytes((code,))))

    def appdata(self, service: int, content: bytes) -> bytes:
        """A packet of one record."""
        return pack(APPDATA, self._next_packet(), self.record(service, content))

    def ask(self, command: Command, content: bytes) -> bytes:
        """A packet that carries a command, remembered under the number of its record."""
        self.asked.ask(self._record, command.reference)
        return self.appdata(COMMANDS, content)
