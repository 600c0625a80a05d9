"""Castel frames, and the state of one connection that speaks them.

    40 40 | length u16 | version u8 | id ASCII[20] | type u16 | content | CRC u16 | 0D 0A
    24 24 | length u16 | id ASCII[20] | type u16 | content | CRC u16 | 0D 0A     MPIP, from devices
    40 40 | length u16 | id ASCII[20] | type u16 | content | CRC u16 | 0D 0A     MPIP, to devices

Numbers are little-endian but for the type, which is big-endian. The length counts the whole frame.
The CRC is X-25 over everything before it. Versions 3 and 4 are SC, all others CC: they share the
form of a frame and not the meaning of its types. Source: docs/protocols/castel.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import crc16_x25
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_framing
from tracker.protocols.unanswered import Numbered

MARK, MPIP_MARK = b"@@", b"$$"
TAIL = b"\r\n"
TAIL_BYTES = 4  # CRC and end
ID_BYTES = 20
HEAD = 27  # mark, length, version, id, type
MPIP_HEAD = 26
SC_VERSIONS = frozenset({3, 4})
MPIP = -1  # stands for the version that MPIP frames do not have

# Devices cut their frames at about a kilobyte; a damaged length must not be able to swallow minutes
# of reports.
FRAME_MOST = 2048

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

IDENT = re.compile(rb"[!-~]{1,20}[\0 ]*")


class Frame(NamedTuple):
    """One frame, taken apart. `id` is the identity as it is on the wire, with its padding."""

    version: int
    id: bytes
    type: int
    content: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    if len(data) < at + 4:
        return MORE
    length = int.from_bytes(data[at + 2 : at + 4], "little")
    least = (MPIP_HEAD if data[at] == 0x24 else HEAD) + TAIL_BYTES
    return length if least <= length <= FRAME_MOST else NEVER


def fault(frame: bytes) -> str:
    """A right frame ends in 0D 0A and has the right CRC."""
    if frame[-2:] != TAIL:
        return "length"
    crc = int.from_bytes(frame[-TAIL_BYTES:-2], "little")
    return "checksum" if crc16_x25(frame[:-TAIL_BYTES]) != crc else ""


def is_long_head(data: Bytes, at: int) -> bool:
    """Whether a frame of a device with a name runs beyond what a probe sees."""
    if len(data) < PROBE_LIMIT or at + HEAD > len(data):
        return False
    start = at + (4 if data[at] == 0x24 else 5)
    found = IDENT.fullmatch(bytes(data[start : start + ID_BYTES]))
    return found is not None and data[start : start + 1].isalnum()


FRAMING = Framing(
    start=re.compile(rb"@(?:@|\Z)|\$(?:\$|\Z)"),
    size=size,
    fault=fault,
    patience_s=PATIENCE_S,
    long_enough=is_long_head,
)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Castel's: a whole right frame, or the
    head of one that is too long to wait for.
    """
    return probe_framing(FRAMING, data)


def unpack(frame: bytes) -> Frame:
    """Take a right frame apart."""
    mpip = frame[:2] == MPIP_MARK
    head = MPIP_HEAD if mpip else HEAD
    kind = int.from_bytes(frame[head - 2 : head], "big")
    version = MPIP if mpip else frame[4]
    return Frame(version, frame[head - 2 - ID_BYTES : head - 2], kind, frame[head:-TAIL_BYTES])


def pack(version: int, ident: bytes, kind: int, content: bytes = b"") -> bytes:
    """A whole frame to a device; without a version where it is MPIP."""
    stated = b"" if version == MPIP else bytes((version,))
    rest = stated + ident.ljust(ID_BYTES, b"\0") + kind.to_bytes(2, "big") + content
    length = len(MARK) + 2 + len(rest) + TAIL_BYTES
    body = MARK + length.to_bytes(2, "little") + rest
    return body + crc16_x25(body).to_bytes(2, "little") + TAIL


def answer(frame: Frame, kind: int, content: bytes = b"") -> bytes:
    """A frame back to the device that sent this one."""
    return pack(frame.version, frame.id, kind, content)


class Link:
    """What one connection knows beyond its Session: the device's name and version on the wire, and
    the questions that it has not answered.
    """

    __slots__ = ("_asked", "id", "session", "version")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.version = 0
        self.id = b""
        self._asked = Numbered()  # by type and number of the answer

    def ask(self, kind: int, number: int, reference: int) -> None:
        """Remember a question whose answer has this type and number."""
        self._asked.ask(kind << 16 | number, reference)

    def answered(self, kind: int, number: int) -> int | None:
        """The reference of what this answers, once; None if nothing was asked."""
        return self._asked.answered(kind << 16 | number)

    def whose(self, kind: int, number: int) -> int | None:
        """As `answered`, of what can only be an answer; see Numbered.whose."""
        return self._asked.whose(kind << 16 | number)
