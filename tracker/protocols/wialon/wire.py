"""Wialon IPS lines, their CRC and their compressed form, and the state of one connection.

    #TYPE#message\\r\\n                     over TCP
    IMEI#TYPE#message\\r\\n                 over UDP, 1.x
    2.0;IMEI#TYPE#message\\r\\n             over UDP, 2.x
    FF | length u16 | zlib stream         any of them, 2.x (length little-endian)

In 2.x a message ends in a CRC-16/ARC of what stands before it, in hex; a binary block has one of
its own. Source: docs/protocols/wialon.md.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.model import Command
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import crc16_arc

# 5,000 messages of a black box, which is the most that one line has, of 100 bytes each.
LINE_MOST = 524_288
# A login, or any single message of a device that has not named itself yet.
STRANGER_MOST = 4096
# Bytes of a binary block; the protocol recommends 50 kB.
BLOCK_MOST = 131_072

CONTAINER = 0xFF
CONTAINER_HEADER = 3
DEFLATE, WINDOW_CHECK = 8, 31  # RFC 1950: method in the lower nibble; both bytes divide by 31

# Commands sent and not answered yet: a device that never answers must not fill memory.
UNANSWERED_MOST = 16

IDENT = rb"[^\s#;]{1,50}"
LINE = re.compile(
    rb"(?:(?:(?P<version>\d\.\d);)?(?P<ident>" + IDENT + rb"))?#(?P<kind>[A-Z]{1,3})#(?P<text>.*)",
    re.DOTALL,
)
CRC = re.compile(rb"(?:0[xX])?[0-9A-Fa-f]{1,4}")


class Line(NamedTuple):
    """One message. `ident` is what a datagram states of its sender; `block` what follows I and T.

    `version` is the first number of the protocol's version, 0 where neither line nor login told.
    """

    kind: str
    text: bytes
    version: int
    ident: str = ""
    block: bytes | None = None


def read_line(line: bytes, version: int) -> Line:
    """Take a line without its end apart. Raises DecodeError if it is not a message."""
    found = LINE.fullmatch(line)
    if found is None:
        raise DecodeError("garbage", "wialon: not a message", line)
    ident = (found["ident"] or b"").decode("utf-8", "replace")
    if found["version"]:
        version = int(found["version"][:1])
    elif ident:
        version = 1
    return Line(found["kind"].decode(), found["text"], version, ident)


def checked(text: bytes, end: int, *, required: bool) -> bytes:
    """What stands in front of the CRC that begins at `end`. Raises DecodeError if it is wrong, or
    is not there although it is `required`.
    """
    stated = text[end:]
    if not CRC.fullmatch(stated):
        if required or stated.strip():
            raise DecodeError("checksum", "wialon: no CRC", text)
        return text[:end]
    if int(stated, 16) != crc16_arc(text[:end]):
        raise DecodeError("checksum", f"wialon: CRC {stated.decode()}", text)
    return text[:end]


def check_block(block: bytes, stated: bytes) -> None:
    """A binary block has the CRC that its header states. Raises DecodeError."""
    if not CRC.fullmatch(stated) or int(stated, 16) != crc16_arc(block):
        raise DecodeError("checksum", f"wialon: a block of {len(block)} bytes", block)


def with_crc(text: bytes) -> bytes:
    """The text with its CRC behind it."""
    return text + f"{crc16_arc(text):04X}".encode()


def answer(kind: str, result: str | int = "") -> bytes:
    """The answer to a message of this kind."""
    return f"#A{kind}#{result}\r\n".encode()


def is_container(data: bytes | bytearray) -> bool | None:
    """Whether a compressed message begins here; None if that cannot be told yet."""
    if data[:1] != bytes((CONTAINER,)):
        return None if not data else False
    if len(data) < CONTAINER_HEADER + 2:
        return None
    method, flags = data[CONTAINER_HEADER], data[CONTAINER_HEADER + 1]
    return method & 15 == DEFLATE and (method << 8 | flags) % WINDOW_CHECK == 0


def container_size(data: bytes | bytearray) -> int:
    """Bytes of the compressed message at the front."""
    return CONTAINER_HEADER + int.from_bytes(data[1:CONTAINER_HEADER], "little")


def inflate(container: bytes, most: int) -> bytes:
    """What a compressed message holds. Raises DecodeError if that is damaged or beyond `most`."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(container[CONTAINER_HEADER:], most)
    except zlib.error as error:
        raise DecodeError("compression", f"wialon: {error}", container) from None
    if not stream.eof:
        raise DecodeError("compression", f"wialon: not whole within {most} bytes", container)
    return content


# What a connection or a datagram may begin with, and the beginnings of that.
_KINDS = rb"(?:L|SD|D|B|P|M|I|IT|T)"
_HALF_KIND = rb"#(?:[LDBPMIST]|SD|IT)?"
_SENDER = rb"(?:2\.\d;" + IDENT + rb"|\d{8,20})"
FIRST = re.compile(rb"(?:" + _SENDER + rb")?#" + _KINDS + rb"#|.*\n#L#", re.DOTALL)
HALF_FIRST = re.compile(
    rb"(?:" + _HALF_KIND + rb"|2(?:\.\d?)?|2\.\d;(?:" + IDENT + rb"(?:" + _HALF_KIND + rb")?)?"
    rb"|\d{0,20}|\d{8,20}" + _HALF_KIND + rb")\Z"
)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Wialon IPS: a known message, a sender
    and a known message, a login behind a damaged line, or a compressed message that is one of
    those.
    """
    if is_container(data):
        return _probe_container(data)
    if data[:1] == bytes((CONTAINER,)):
        return Match.NO if len(data) >= CONTAINER_HEADER + 2 else Match.MORE
    if FIRST.match(data):
        return Match.YES
    return Match.MORE if HALF_FIRST.match(data) else Match.NO


def _probe_container(data: bytes) -> Match:
    whole = container_size(data)
    if whole > len(data):
        return Match.MORE if whole <= PROBE_LIMIT else Match.NO
    try:
        content = inflate(data[:whole], STRANGER_MOST)
    except DecodeError:
        return Match.NO
    return Match.YES if FIRST.match(content) else Match.NO


class Link:
    """What one connection knows: its version, and which commands are unanswered, in order.

    `version` is 0 until a login or a datagram tells.
    """

    __slots__ = ("customs", "packets", "session", "texts", "version")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.version = 0
        self.packets = 0  # of the tachograph file that is under way
        self.texts: deque[int] = deque(maxlen=UNANSWERED_MOST)
        self.customs: deque[int] = deque(maxlen=UNANSWERED_MOST)

    def ask(self, waiting: deque[int], command: Command) -> None:
        """Remember a command that is sent now."""
        waiting.append(command.reference)
