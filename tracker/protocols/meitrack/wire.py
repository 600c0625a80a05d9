"""Meitrack frames, and the state of one connection that speaks them.

    device to server    $$ | flag | length | , | IMEI | , | command | ,data | * | sum | \\r\\n
    server to device    @@ | flag | length | , | IMEI | , | command | ,data | * | sum | \\r\\n

The length, in decimal, counts from the comma behind it to the end. The sum is that of all bytes up
to and including *, modulo 256, in hex. Source: docs/protocols/meitrack.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import sum8
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.unanswered import Numbered

TAIL = 5  # bytes of *, sum and line end
LENGTH_LEAST = 20  # comma, the shortest IMEI, command and tail
# Devices cut their data at about 1,100 bytes; the length has at most four digits.
FRAME_MOST = 10_010
TEXT_MOST = 2048  # of a text frame; reports have 130 to 400 bytes

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

FIRST_FLAG, LAST_FLAG = ord("A"), ord("z")

# Commands whose data is binary. All others are one line, and are cut by its end: some firmware
# counts one byte too many in the answers to commands.
BINARY = frozenset({b"CCC", b"CCE", b"D00"})

HEAD = re.compile(
    rb"\$\$(?P<flag>[A-z])(?P<length>[0-9]{1,4}),(?P<imei>[0-9]{13,17}),"
    rb"(?P<command>[A-Z][0-9A-Z]{2})(?=[,*])"
)
HALF_HEAD = re.compile(
    rb"\$(?:\$(?:[A-z](?:[0-9]{1,4}(?:,(?:[0-9]{1,17}|[0-9]{13,17},(?:[A-Z][0-9A-Z]{0,2})?)?)?)?)?)?\Z"
)
START = re.compile(rb"\$(?:\$|\Z)")


class Frame(NamedTuple):
    """One frame, taken apart."""

    flag: int
    ident: str
    command: str
    data: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    head = HEAD.match(data, at)
    if head is None:
        return MORE if HALF_HEAD.match(data, at) else NEVER
    if head["command"] in BINARY:
        length = int(head["length"])
        return head.end("length") - at + length if length >= LENGTH_LEAST else NEVER
    end = data.find(b"\r\n", head.end(), at + TEXT_MOST)
    if end >= 0:
        return end + 2 - at
    return MORE if len(data) < at + TEXT_MOST else NEVER


def shape(frame: bytes) -> str:
    """A frame ends in *, two digits and a line end; "" if this one does."""
    return "" if frame[-TAIL] == 0x2A and frame[-2:] == b"\r\n" else "length"


def fault(frame: bytes) -> str:
    """A right frame has the right end and the right sum."""
    if shape(frame):
        return "length"
    return "" if f"{sum8(frame[:-4]):02X}".encode() == frame[-4:-2].upper() else "checksum"


FRAMING = Framing(START, size, fault, PATIENCE_S)
UNCHECKED = replace(FRAMING, fault=shape)


def unpack(frame: bytes) -> Frame:
    """Take a right frame apart."""
    head = HEAD.match(frame)
    assert head is not None  # noqa: S101 - it was cut by this head
    data = frame[head.end() + 1 : -TAIL]
    return Frame(head["flag"][0], head["imei"].decode(), head["command"].decode(), data)


def pack(flag: int, ident: str, words: bytes) -> bytes:
    """A frame for a device; `words` are command and data."""
    content = f",{ident},".encode() + words + b"*"
    frame = b"@@" + bytes((flag,)) + str(len(content) + TAIL - 1).encode() + content
    return frame + f"{sum8(frame):02X}\r\n".encode()


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Meitrack's: a head with an IMEI and a
    command, or a right frame behind a damaged one.
    """
    if HEAD.match(data):
        return Match.YES
    marked = False
    at = FRAMING.next_start(data, 0)
    while at < min(len(data), PROBE_LIMIT):
        marked = marked or at == 0 or at + 1 < len(data)  # a $ at the end may end something else
        if FRAMING.whole(data, at) == "":
            return Match.YES
        at = FRAMING.next_start(data, at + 1)
    return Match.MORE if marked or not data else Match.NO


class Link:
    """What one connection knows: which commands are unanswered, and how voltages are stated."""

    __slots__ = ("_flag", "_unanswered", "scale", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.scale: str | None = None
        self._flag = LAST_FLAG
        self._unanswered = Numbered(LAST_FLAG - FIRST_FLAG + 1)

    def order(self, command: Command, words: bytes) -> bytes:
        """The frame of a command. Its flag is the next one, which the answer repeats."""
        ident = self.session.ident
        if ident is None:
            raise CommandError("meitrack: the device has not named itself yet")
        self._flag = FIRST_FLAG if self._flag >= LAST_FLAG else self._flag + 1
        self._unanswered.ask(self._flag, command.reference)
        return pack(self._flag, ident, words)

    def answered(self, flag: int) -> int | None:
        """The reference of the command that had this flag, once."""
        return self._unanswered.answered(flag)

    def whose(self, flag: int) -> int | None:
        """As `answered`, of what can only be an answer; see Numbered.whose."""
        return self._unanswered.whose(flag)
