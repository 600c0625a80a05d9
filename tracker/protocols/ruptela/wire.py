"""Ruptela packets, and the state of one connection that speaks them.

    device to server    length u16 | IMEI u64 | command u8 | payload | CRC u16
    server to device    length u16 | command u8 | payload | CRC u16

All numbers are big-endian. The length counts what stands between it and the CRC, which is
CRC-16/KERMIT of just that. There is no start mark: an IMEI begins with two bytes that are nearly
always the same. Source: docs/protocols/ruptela.md.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import Match, Session
from tracker.protocols.checks import crc16_kermit
from tracker.protocols.fields import is_imei
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_frames
from tracker.protocols.textframes import partial
from tracker.protocols.unanswered import InTurn

HEADER = 11  # length, IMEI and command
OVERHEAD = 4  # length and CRC
LENGTH_LEAST = 9  # IMEI and command
LENGTH_MOST = 4096  # devices cut their packets at 1,024 bytes, gateways in front of them later
IMEI_LEAST, IMEI_MOST = 10**13, 10**15 - 1  # fourteen or fifteen digits
ANSWER = 100  # added to a command in what a server says

RECORDS, EXTENDED = 1, 68
CONFIGURATION, VERSION, FIRMWARE, SMS, SMS_ORDER = 2, 3, 4, 7, 8
DTCS, IDENTIFICATION, HEARTBEAT, SET_IO, FILES = 9, 15, 16, 17, 37
COMMANDS = frozenset(
    {RECORDS, EXTENDED, CONFIGURATION, VERSION, FIRMWARE, SMS, DTCS, IDENTIFICATION, HEARTBEAT}
    | {SET_IO, FILES}
)

WORDS = re.compile(rb"[\t\r\n -~]*")
WORDS_MOST = 256  # answers are texts of an SMS, which has 160 characters

# A packet sent over a stalled radio link may take this long; half a packet after a longer pause
# was cut off, and the device begins anew.
PATIENCE_S = 60.0

START = re.compile(partial(rb"[\x00-\x0f]", rb"[\x00-\xff]", rb"\x00", rb"[\x00-\x03]"), re.DOTALL)

_FIRST = struct.Struct(">HQB")


class Packet(NamedTuple):
    """One packet, taken apart."""

    ident: str
    command: int
    payload: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the packet that starts at `at`, MORE or NEVER."""
    if len(data) < at + HEADER:
        return MORE
    length: int
    imei: int
    length, imei, _ = _FIRST.unpack_from(data, at)
    if not (LENGTH_LEAST <= length <= LENGTH_MOST and IMEI_LEAST <= imei <= IMEI_MOST):
        return NEVER
    if data[at + HEADER - 1] == SMS:
        return spoken_size(data, at, length + OVERHEAD)
    return length + OVERHEAD


def spoken_size(data: Bytes, at: int, stated: int) -> int:
    """Bytes of an answer in words. Some firmware states a shorter length than its words have: they
    end where the CRC is right.
    """
    if len(data) < at + stated or not fault(bytes(data[at : at + stated])):
        return stated
    behind = WORDS.match(data, at + HEADER, at + HEADER + WORDS_MOST)
    words_end = behind.end() if behind is not None else at + HEADER
    last = min(words_end, len(data) - 2)
    for end in range(at + stated - 1, last + 1):
        if crc16_kermit(bytes(data[at + 2 : end])) == int.from_bytes(data[end : end + 2], "big"):
            return end + 2 - at
    open_still = len(data) < words_end + 2 and words_end < at + HEADER + WORDS_MOST
    return MORE if open_still else stated


def fault(frame: bytes) -> str:
    """A right packet has the right CRC."""
    return "" if crc16_kermit(frame[2:-2]) == int.from_bytes(frame[-2:], "big") else "checksum"


def long_enough(data: Bytes, at: int) -> bool:
    """Whether the header of a long packet is evidence: at the very start, a right check digit in
    the IMEI, a known command.
    """
    if at or size(data, at) <= 0:
        return False
    _, imei, command = _FIRST.unpack_from(data)
    return command in COMMANDS and is_imei(f"{imei:015d}")


FRAMING = Framing(START, size, fault, PATIENCE_S, long_enough)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Ruptela's."""
    return probe_frames(FRAMING, data)


def unpack(frame: bytes) -> Packet:
    """Take a right packet apart."""
    _, imei, command = _FIRST.unpack_from(frame)
    return Packet(f"{imei:015d}", command, frame[HEADER:-2])


def pack(command: int, payload: bytes) -> bytes:
    """A packet for a device; `command` is that of the device's side."""
    body = bytes((command + ANSWER,)) + payload
    return len(body).to_bytes(2, "big") + body + crc16_kermit(body).to_bytes(2, "big")


# Records of both kinds are answered by command 100.
TAKEN = pack(0, b"\x01")
NOT_TAKEN = pack(0, b"\x00")


class Link:
    """What one connection knows beyond its Session: `asked` by the kind of the answer."""

    __slots__ = ("asked", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.asked: InTurn[int] = InTurn(session)

    def order(self, command: Command, kind: int, payload: bytes) -> bytes:
        """The packet of a command that is answered by a packet of `kind`."""
        if self.session.ident is None:
            raise CommandError("ruptela: the device has not named itself yet")
        self.asked.ask(kind, command.reference)
        return pack(SMS_ORDER if kind == SMS else kind, payload)
