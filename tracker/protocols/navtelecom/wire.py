"""NTCB frames and FLEX messages, and the state of one connection that speaks them.

    NTCB      @NTC | receiver u32 | sender u32 | length u16 | XOR of body u8 |
              XOR of the 15 bytes before u8 | body
    FLEX      ~A | count u8 | records | CRC          ~T | event u32 | record | CRC
              ~C | record | CRC
              ~E | count u8 | packets | CRC          ~X | event u32 | packet | CRC
    ping      7F

Numbers are little-endian. A record has the fields that were agreed on in `*>FLEX` and nothing that
says so: before that no FLEX message can be cut. A packet begins with its length u16. The CRC is
CRC-8 (polynomial 31, start FF). Source: docs/protocols/navtelecom.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tracker.model import Command
from tracker.protocols.base import Match, Session
from tracker.protocols.checks import crc8_egts, xor8
from tracker.protocols.commands import check_stream
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.framing import probe as probe_frames
from tracker.protocols.navtelecom.layout import Layout
from tracker.protocols.stream import handles
from tracker.protocols.unanswered import InTurn

MARK = b"@NTC"
HEADER = 16
PING = 0x7F
TILDE = ord("~")
BODY_MOST = 16_384  # of a frame of commands and settings; telemetry has about 1,300
FLEX_MOST = 65_536  # of a message of records; its lengths could state 16 MB

# A message sent over a stalled radio link may take this long; half a message after a longer pause
# was cut off, and the device connects anew.
PATIENCE_S = 60.0

SERVER_ID = 1  # that devices give to their server from the factory


class Link:
    """What one connection knows beyond its Session: addresses, agreed fields, what is asked."""

    __slots__ = ("asked", "device_id", "layout", "server_id", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.server_id, self.device_id = SERVER_ID, 0
        self.layout: Layout | None = None  # of FLEX records; None until agreed
        self.asked: InTurn[None] = InTurn(session)  # answers do not say of what kind they are

    def send(self, body: bytes) -> bytes:
        """A frame of ours."""
        return pack(self.device_id, self.server_id, body)

    def ask(self, command: Command, body: bytes) -> bytes:
        """A frame that carries a command, which is remembered."""
        check_stream(self.session, "navtelecom")
        self.asked.ask(None, command.reference)
        return self.send(body)


def pack(receiver: int, sender: int, body: bytes) -> bytes:
    """A whole NTCB frame."""
    head = MARK + receiver.to_bytes(4, "little") + sender.to_bytes(4, "little")
    head += len(body).to_bytes(2, "little") + bytes((xor8(body),))
    return head + bytes((xor8(head),)) + body


def flex(content: bytes) -> bytes:
    """A whole FLEX message."""
    return content + bytes((crc8_egts(content),))


def ntcb_size(data: Bytes, at: int) -> int:
    """Bytes of the NTCB frame that starts at `at`, MORE or NEVER: a wrong header is none."""
    if len(data) < at + HEADER:
        return MORE
    head = bytes(data[at : at + HEADER])
    if not head.startswith(MARK) or xor8(head[:-1]) != head[-1]:
        return NEVER
    length = int.from_bytes(head[12:14], "little")
    return HEADER + length if length <= BODY_MOST else NEVER


FLEX_SIZES: dict[int, Callable[[Bytes, int, int], int]] = {}


def _counted_packets(data: Bytes, at: int, count: int) -> int:
    """The end of so many packets, MORE if a length has not come yet."""
    for _ in range(count):
        if len(data) < at + 2:
            return MORE
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    return at


@handles(FLEX_SIZES, ord("A"))
def _array(data: Bytes, at: int, record: int) -> int:
    return 3 + data[at + 2] * record + 1 if len(data) > at + 2 else MORE


@handles(FLEX_SIZES, ord("T"))
def _event(data: Bytes, at: int, record: int) -> int:  # noqa: ARG001
    return 6 + record + 1


@handles(FLEX_SIZES, ord("C"))
def _current(data: Bytes, at: int, record: int) -> int:  # noqa: ARG001
    return 2 + record + 1


@handles(FLEX_SIZES, ord("E"))
def _packets(data: Bytes, at: int, record: int) -> int:  # noqa: ARG001
    if len(data) <= at + 2:
        return MORE
    end = _counted_packets(data, at + 3, data[at + 2])
    return MORE if end == MORE else end - at + 1


@handles(FLEX_SIZES, ord("X"))
def _packet(data: Bytes, at: int, record: int) -> int:  # noqa: ARG001
    end = _counted_packets(data, at + 6, 1)
    return MORE if end == MORE else end - at + 1


def fault(frame: bytes) -> str:
    """A right NTCB frame has the right XOR over its body, a right message the right CRC."""
    if frame[0] == TILDE:
        return "" if crc8_egts(frame[:-1]) == frame[-1] else "checksum"
    return "" if xor8(frame[HEADER:]) == frame[14] else "checksum"


def framing(link: Link) -> Framing:
    """How the messages of one connection are cut, by the fields that were agreed on in it."""

    def size(data: Bytes, at: int) -> int:
        if data[at] != TILDE:
            return ntcb_size(data, at)
        if link.layout is None:
            return NEVER
        if len(data) < at + 2:
            return MORE
        sizes = FLEX_SIZES.get(data[at + 1])
        if sizes is None:
            return NEVER
        stated = sizes(data, at, link.layout.size)
        least = len(data) - at if stated == MORE else stated
        return NEVER if least > FLEX_MOST else stated

    start = re.compile(rb"@(?:N(?:T(?:C|\Z)|\Z)|\Z)|~(?:[ATCEX]|\Z)")
    return Framing(start, size, fault, PATIENCE_S)


# A connection begins with an NTCB frame.
_FIRST = Framing(re.compile(rb"@(?:N(?:T(?:C|\Z)|\Z)|\Z)"), ntcb_size, fault, PATIENCE_S)


def probe(data: bytes) -> Match:
    """Whether a connection that begins so is Navtelecom's: a right NTCB frame."""
    return probe_frames(_FIRST, data)
