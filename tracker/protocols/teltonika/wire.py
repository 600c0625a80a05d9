"""Teltonika frames, and the state of one connection that speaks them.

    login       length u16 (15 or 16) | IMEI in ASCII
    packet      00000000 | length u32 | codec u8 | count u8 | data | count u8 | CRC u32
    ping        FF
    datagram    length u16 | packet id u16 | 01 | AVL packet id u8 | length u16 | IMEI in ASCII |
                codec u8 | count u8 | data | count u8

All numbers are big-endian. The CRC is CRC-16/ARC over codec to the second count; a datagram has
none. Source: docs/protocols/teltonika.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.model import Command
from tracker.protocols.base import Match, Session
from tracker.protocols.checks import crc16_arc
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.unanswered import InTurn

PREAMBLE = 4
HEADER = 8  # preamble and length
OVERHEAD = 12  # preamble, length and CRC
LENGTH_LEAST = 3  # codec and both counts
# Devices cut their packets at about 1,300 bytes, gateways in front of them later. 16 bits are what
# the datagram form of the same packet could state.
LENGTH_MOST = 0xFFFF

# An IMEI has 15 digits. Some firmware sends the software version as well, which makes 16.
IMEI_LENGTHS = (15, 16)

PING = 0xFF

# A packet sent over a stalled radio link may take this long; half a packet after a longer pause
# was cut off, and the device begins anew.
PATIENCE_S = 60.0

CODEC_7, CODEC_8, CODEC_16, CODEC_8E = 0x07, 0x08, 0x10, 0x8E
CODEC_12, CODEC_13, CODEC_14, CODEC_15 = 0x0C, 0x0D, 0x0E, 0x0F
POSITION_CODECS = frozenset({CODEC_7, CODEC_8, CODEC_8E, CODEC_16})
CODECS = POSITION_CODECS | {CODEC_12, CODEC_13, CODEC_14, CODEC_15}


class Packet(NamedTuple):
    """One packet, taken apart. `records` is its count, `data` what stands between the two counts.

    `ticket` is what the answer to a datagram repeats of its header, b"" over TCP.
    """

    codec: int
    records: int
    data: bytes
    ticket: bytes = b""


def packet_size(data: Bytes, at: int) -> int:
    """Bytes of the packet that starts at `at`, whatever its codec; MORE or NEVER."""
    if len(data) < at + HEADER:
        return MORE
    length = int.from_bytes(data[at + 4 : at + HEADER], "big")
    return length + OVERHEAD if LENGTH_LEAST <= length <= LENGTH_MOST else NEVER


def size(data: Bytes, at: int) -> int:
    """Bytes of the login or the packet with a known codec that starts at `at`, MORE or NEVER."""
    if len(data) < at + 2:
        return MORE
    if data[at + 1]:
        return 2 + data[at + 1] if data[at + 1] in IMEI_LENGTHS else NEVER
    if any(data[at : at + PREAMBLE]):
        return NEVER
    whole = packet_size(data, at)
    if whole > 0 and len(data) > at + HEADER and data[at + HEADER] not in CODECS:
        return NEVER
    return whole


def fault(frame: bytes) -> str:
    """A right login is an IMEI; a right packet has the right CRC."""
    if frame[1]:
        return "" if frame[2:].isdigit() else "field"
    crc = int.from_bytes(frame[-4:], "big")
    return "checksum" if crc16_arc(frame[HEADER:-4]) != crc else ""


_PACKET = rb"\x00(?:\x00(?:\x00|\Z)|\Z)"
PACKETS = Framing(re.compile(rb"\x00(?:" + _PACKET + rb"|\Z)"), size, fault, PATIENCE_S)
# Before the login an IMEI is looked for as well. Afterwards it is not: fifteen digits behind 000F
# may stand in any packet, and a login has no checksum that would tell them apart.
FIRST = Framing(
    re.compile(rb"\x00(?:[\x0f\x10](?:[0-9]|\Z)|" + _PACKET + rb"|\Z)"), size, fault, PATIENCE_S
)


def unpack(frame: bytes) -> Packet:
    """Take a right packet apart. Raises DecodeError if its counts differ."""
    return _counted(frame[HEADER:-4])


def _counted(body: bytes, ticket: bytes = b"") -> Packet:
    if len(body) < LENGTH_LEAST:
        raise DecodeError("length", "teltonika: a packet without counts", body)
    if body[1] != body[-1]:
        raise DecodeError("length", f"teltonika: counts {body[1]} and {body[-1]}", body)
    return Packet(body[0], body[1], body[2:-1], ticket)


def pack(body: bytes) -> bytes:
    """A whole packet around codec, counts and data."""
    return bytes(4) + len(body).to_bytes(4, "big") + body + crc16_arc(body).to_bytes(4, "big")


# Length, packet id, 01, AVL packet id, length of the IMEI, IMEI, codec.
DATAGRAM = re.compile(
    rb"..(?P<ticket>..\x01.)\x00[\x0f\x10](?P<imei>[0-9]{15,16})(?P<body>.{3,})", re.DOTALL
)


def unpack_datagram(data: bytes) -> tuple[str, Packet]:
    """The IMEI and the packet in one datagram. Raises DecodeError for anything else."""
    found = DATAGRAM.fullmatch(data)
    if found is None or len(found["imei"]) != data[7]:
        raise DecodeError("field", "teltonika: no header of a datagram", data)
    if int.from_bytes(data[:2], "big") != len(data) - 2:
        raise DecodeError("length", f"teltonika: a datagram of {len(data)} bytes", data)
    return found["imei"].decode(), _counted(found["body"], found["ticket"])


def answer(packet: Packet, count: int) -> bytes:
    """How many records were taken: u32; to a datagram its own header again, then u8."""
    if packet.ticket:
        return b"\x00\x05" + packet.ticket + bytes((count,))
    return count.to_bytes(4, "big")


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Teltonika's.

    An IMEI behind its length; a packet with the right CRC, or the header of one that is longer
    than what a probe sees; a datagram whose length and IMEI are right.
    """
    for begin in (_probe_login, _probe_packet, _probe_datagram):
        match = begin(data)
        if match is not Match.NO:
            return match
    return Match.NO


def _probe_login(data: bytes) -> Match:
    if data[:1] != b"\x00" or (len(data) > 1 and data[1] not in IMEI_LENGTHS):
        return Match.MORE if not data else Match.NO
    whole = 2 + data[1] if len(data) > 1 else 2 + IMEI_LENGTHS[0]
    if len(data) > 2 and not data[2:whole].isdigit():
        return Match.NO
    return Match.YES if len(data) >= whole else Match.MORE


def _probe_packet(data: bytes) -> Match:
    if data[:4] != bytes(min(4, len(data))):
        return Match.NO
    whole = size(data, 0)
    if whole == NEVER:
        return Match.NO
    if MORE < whole <= len(data):
        return Match.NO if fault(data[:whole]) else Match.YES
    # Preamble, the upper half of the length, codec and a count: 49 bits that are not chance.
    known = len(data) > HEADER + 1 and data[HEADER + 1] > 0
    return Match.YES if known and data[HEADER] in POSITION_CODECS else Match.MORE


def _probe_datagram(data: bytes) -> Match:
    found = DATAGRAM.match(data)
    if found is None or found["body"][0] not in POSITION_CODECS:
        return Match.NO
    stated = int.from_bytes(data[:2], "big")
    return Match.YES if stated + 2 >= len(data) and stated > LENGTH_LEAST else Match.NO


class Link:
    """What one connection knows beyond its Session: the commands that are unanswered, in order."""

    __slots__ = ("_asked", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self._asked: InTurn[None] = InTurn(session)  # answers do not say of what kind they are

    def ask(self, command: Command) -> None:
        """Remember a command that is sent now."""
        self._asked.ask(None, command.reference)

    def answered(self) -> int | None:
        """The reference of the oldest unanswered command, once; None if nothing was asked."""
        return self._asked.answered(None)
