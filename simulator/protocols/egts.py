"""EGTS over TCP (Order 285 of 2012, GOST 33472): packets of records of subrecords, two CRCs.

    packet      01 | 00 | 00 | 0B | 00 | data length, 2 | packet id, 2 | type | CRC-8 of header |
                data | CRC-16/CCITT-FALSE of the data, 2                        (little-endian)
    record      length, 2 | number, 2 | flags | [object, 4] | [time, 4] | service twice | subrecords
    subrecord   type | length, 2 | content

Type 0 answers a packet: its id, a result, and a record with a result for each of its records. Type
1 is data. A device says who it is in service 1 and is told the result in a packet of its own; its
positions are service 2, what is asked of it service 4.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastcrc import crc8, crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import StreamTerminal

EPOCH = 1_262_304_000  # 2010-01-01 UTC
HEADER = 11
RESPONSE, DATA = 0, 1
AUTH, TELEDATA, COMMANDS = 1, 2, 4
OBJECT, TIME = 1, 4  # flags of a record
SPAN = 0xFFFFFFFF  # of 90 degrees of latitude and 180 of longitude
BATCH_RECORDS = 20
POSITION_QUERY = 0x000C
MESSAGE = 4  # type of a command that carries a text
ORDER_LEAST = 11
MARK = 0x01


def header_crc(data: bytes) -> int:
    """CRC-8, polynomial 31, start FF; F7 over "123456789"."""
    return int(crc8.nrsc_5(data))


def data_crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE; 29B1 over "123456789"."""
    return int(crc16.ibm_3740(data))


def packet(kind: int, number: int, data: bytes) -> bytes:
    """One whole packet."""
    head = struct.pack("<BBBBBHHB", MARK, 0, 0, HEADER, 0, len(data), number & 0xFFFF, kind)
    head += bytes((header_crc(head),))
    return head + data + data_crc(data).to_bytes(2, "little")


def subrecord(kind: int, content: bytes) -> bytes:
    """One subrecord."""
    return bytes((kind,)) + len(content).to_bytes(2, "little") + content


def units(degrees: float, most: float) -> int:
    """The absolute value of a coordinate in SPAN-ths of its range."""
    return min(SPAN, round(abs(degrees) / most * SPAN))


def stated(fix: Fix) -> Stated:
    """Whole seconds, about 1e-8 degree, 0.1 km/h, whole degrees."""
    lat = units(fix.lat, 90) * 90 / SPAN
    lon = units(fix.lon, 180) * 180 / SPAN
    return Stated(
        int(fix.fix_time) * 1000,
        round(lat * 1e6) * (-1 if fix.lat < 0 else 1),
        round(lon * 1e6) * (-1 if fix.lon < 0 else 1),
        min(0x3FFF, round(fix.speed_kmh * 10)),
        round(fix.course_deg) % 360 * 10,
    )


def place(fix: Fix, *, stored: bool) -> bytes:
    """The content of subrecord 16: a position with its altitude."""
    said = stated(fix)
    course = said.course_ddeg // 10
    flags = 0x83 | stored << 3 | (said.speed_dkmh > 0) << 4
    flags |= (fix.lat < 0) << 5 | (fix.lon < 0) << 6
    speed = said.speed_dkmh | (fix.altitude_m < 0) << 14 | (course > 0xFF) << 15
    seconds = max(0, said.fix_ms // 1000 - EPOCH)
    head = struct.pack(
        "<IIIBHB", seconds, units(fix.lat, 90), units(fix.lon, 180), flags, speed, course & 0xFF
    )
    odometer = (round(fix.odometer_m) // 100) & 0xFFFFFF
    inputs, reason = 0, 0 if fix.ignition else 5
    tail = odometer.to_bytes(3, "little") + bytes((inputs, reason))
    return head + tail + round(abs(fix.altitude_m)).to_bytes(3, "little")


class EgtsTerminal(StreamTerminal):
    """The device's end of one connection."""

    window = 8

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._object = int(ident[-8:-1])
        self._packet = self._record = 0
        self._sent: dict[int, int] = {}  # serial by the id of the packet; 0 for a heartbeat

    def _records(self, service: int, contents: Sequence[bytes]) -> bytes:
        data = b""
        for content in contents:
            head = struct.pack("<HHBI", len(content), self._record & 0xFFFF, OBJECT, self._object)
            data += head + bytes((service, service)) + content
            self._record += 1
        return data

    def _send(self, service: int, contents: Sequence[bytes]) -> tuple[bytes, int]:
        number = self._packet & 0xFFFF
        self._packet += 1
        return packet(DATA, number, self._records(service, contents)), number

    def hello(self) -> bytes:
        """Who is there: the device's own number and its IMEI."""
        identity = struct.pack("<IB", self._object, 0x02) + self._ident.encode("ascii")
        return self._send(AUTH, [subrecord(1, identity)])[0]

    def position(self, fix: Fix) -> Frame:
        """A packet of one record."""
        return self._numbered([fix], stored=False)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A packet of as many stored records as fit."""
        return self._numbered(fixes[:BATCH_RECORDS], stored=True)

    def _numbered(self, fixes: Sequence[Fix], *, stored: bool) -> Frame:
        self._serial += 1
        contents = []
        for fix in fixes:
            precision = bytes((8, min(255, fix.satellites)))
            contents.append(subrecord(16, place(fix, stored=stored)) + subrecord(17, precision))
        data, number = self._send(TELEDATA, contents)
        self._sent[number] = self._serial
        return Frame(data, self._serial, len(fixes))

    def heartbeat(self, fix: Fix | None) -> bytes:
        """A record of the device's voltages alone."""
        del fix
        data, number = self._send(TELEDATA, [subrecord(20, bytes((2, 126, 0, 41, 4)))])
        self._sent[number] = 0
        return data

    def _next(self) -> list[Answer] | None:
        """An answer, a result or a command."""
        buffer = self._buffer
        if len(buffer) < HEADER:
            return None
        if buffer[0] != MARK or header_crc(buffer[: HEADER - 1]) != buffer[HEADER - 1]:
            self._take(1)
            return [Answer(AnswerKind.DAMAGED, detail="header")]
        length, number, kind = struct.unpack_from("<HHB", buffer, 5)
        end = HEADER + length + (2 if length else 0)
        if len(buffer) < end:
            return None
        self._take(end)
        data = buffer[HEADER : HEADER + length]
        if data_crc(data).to_bytes(2, "little") != buffer[HEADER + length : end]:
            return [Answer(AnswerKind.DAMAGED, detail="checksum")]
        if kind == RESPONSE:
            return self._acknowledged(data)
        return [self._told(number, data)]

    def _acknowledged(self, data: bytes) -> list[Answer]:
        """Id of our packet, a result, records with a result each; all 0 for taken."""
        if len(data) < 3:
            return [Answer(AnswerKind.DAMAGED, detail="response")]
        serial = self._sent.pop(int.from_bytes(data[:2], "little"), None)
        if serial is None:
            return []  # to the login, whose result comes by itself, or to an answer of ours
        results = [data[2], *(data[at] for at in range(15, len(data), 13))]
        if any(results):
            return [Answer(AnswerKind.REJECTED, serial, detail=f"results {results}")]
        if serial == 0:
            return [Answer(AnswerKind.BEAT)]
        return [Answer(AnswerKind.ACKNOWLEDGED, serial)]

    def _told(self, number: int, data: bytes) -> Answer:
        """A record of the server: the result of our login, or a command."""
        if len(data) < 11 or data[4] != 0:
            return Answer(AnswerKind.DAMAGED, detail="record")
        service, kind, content = data[5], data[7], data[10:]
        if (service, kind) == (AUTH, 9) and content:
            result = AnswerKind.REFUSED if content[0] else AnswerKind.ACCEPTED
            return Answer(result, detail=f"result {content[0]}")
        if (service, kind) == (COMMANDS, 51) and len(content) >= ORDER_LEAST:
            return self._ordered(number, data, content)
        return Answer(AnswerKind.DAMAGED, detail=f"service {service}, subrecord {kind}")

    def _ordered(self, number: int, data: bytes, content: bytes) -> Answer:
        """Type, command, source, flags; address, action, code, data, or a text. Answered with a
        confirmation of the same command, address and code, or of the text.
        """
        taken = number.to_bytes(2, "little") + b"\x00"
        taken += self._response(int.from_bytes(data[2:4], "little"))
        response = packet(RESPONSE, self._packet & 0xFFFF, taken)
        self._packet += 1
        address, code = content[10:12], content[13:15]
        done = b"\x10" + content[1:9] + b"\x00" + address + code
        if content[0] >> 4 == MESSAGE:
            code, done = b"", b"\x20" + content[1:9] + b"\x00"
        confirmation, _ = self._send(COMMANDS, [subrecord(51, done)])
        asked = int.from_bytes(code, "little")
        kind = AnswerKind.LOCATE if asked == POSITION_QUERY else AnswerKind.COMMAND
        return Answer(kind, reply=response + confirmation, detail=f"command {asked:04x}")

    def _response(self, number: int) -> bytes:
        content = subrecord(0, number.to_bytes(2, "little") + b"\x00")
        head = struct.pack("<HHB", len(content), self._record & 0xFFFF, 0)
        self._record += 1
        return head + bytes((COMMANDS, COMMANDS)) + content


FAMILY = Family(
    "egts",
    "EGTS (ERA-GLONASS)",
    imei,
    EgtsTerminal,
    stated,
    heartbeat_s=120.0,
)
