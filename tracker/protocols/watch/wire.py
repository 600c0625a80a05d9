"""Frames of GPS watches, and what one connection that speaks them knows.

    [ | maker, two characters | * | identity | * | length, 4 hex | * | content | ]
    [ | maker | * | identity | * | index, 4 hex | * | length, 4 hex | * | content | ]

There is no checksum. Stated lengths are often wrong, so a text ends at the first ]; sound and
pictures, in which ] should be escaped, at the ] where their length puts it if there is one.
Escaped in such data: 7D 01 for }, 7D 02 for [, 7D 03 for ], 7D 04 for a comma, 7D 05 for *.
Source: docs/protocols/watch.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import partial
from tracker.protocols.unanswered import ByKind

TEXT_MOST = 4096  # texts with ten access points and seven cells have some 500 characters
BINARY_MOST = 0xFFFF + 64  # what a length can say, and a head

# Half a frame after a longer pause was cut off.
PATIENCE_S = 60.0

START = re.compile(partial(rb"\[", *[rb"[0-9A-Za-z]"] * 2, rb"\*", *[rb"\d"] * 10))
HEAD = re.compile(
    rb"\[([0-9A-Za-z]{2})\*(\d{10,15})\*(?:([0-9A-Fa-f]{4})\*)?([0-9A-Fa-f]{4})\*(?=[^*\]]|\])"
)
INSIDE = re.compile(rb"\[[0-9A-Za-z]{2}\*\d{10,15}\*")
HEAD_MOST = 1 + 2 + 1 + 15 + 1 + 5 + 5 + 1
BINARY = re.compile(rb"TK,|JXTK,|img,|rcapture,|IMG,")
BINARY_NAME_MOST = 9
CLOSE = 0x5D
ESCAPED = re.compile(rb"\x7d([\x01-\x05])", re.DOTALL)
UNESCAPED = {1: b"}", 2: b"[", 3: b"]", 4: b",", 5: b"*"}


class Frame(NamedTuple):
    """One frame, taken apart. `number` is the index, empty where frames have none."""

    maker: str
    ident: str
    number: str
    content: bytes


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    head = HEAD.match(data, at)
    if head is None:
        return MORE if len(data) - at < HEAD_MOST and b"]" not in data[at:] else NEVER
    begin = head.end()
    name = bytes(data[begin : begin + BINARY_NAME_MOST])
    binary = BINARY.match(name) is not None
    most = at + (BINARY_MOST if binary else TEXT_MOST)
    end = data.find(b"]", begin, most)
    if INSIDE.search(data, begin, end if end >= 0 else most):
        return NEVER  # cut off: another frame begins within
    if binary:
        stated = begin + int(head[4], 16)
        if stated >= len(data):
            return MORE
        end = stated if data[stated] == CLOSE else end
    if end < 0:
        return MORE if len(data) < most else NEVER
    return end + 1 - at


def fault(frame: bytes) -> str:
    """A frame has a whole head."""
    return "" if HEAD.match(frame) else "garbage"


FRAMING = Framing(START, size, fault, PATIENCE_S)


def unpack(frame: bytes) -> Frame:
    """Take a frame apart; the content is as it was sent."""
    head = HEAD.match(frame)
    if head is None:
        raise ValueError("a head cut off")
    maker, ident, index, _ = head.groups()
    return Frame(maker.decode(), ident.decode(), (index or b"").decode(), frame[head.end() : -1])


def unescape(data: bytes) -> bytes:
    """Sound or picture as it was before it was escaped."""
    return ESCAPED.sub(lambda found: UNESCAPED[found[1][0]], data)


class Link:
    """How the watch names itself, our own index, and the commands that it has not answered."""

    __slots__ = ("_index", "asked", "ident", "indexed", "maker", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.maker = "3G"
        self.ident = session.ident or ""
        self.indexed = False
        self._index = 0
        self.asked = ByKind[str](session)  # by the name that the watch repeats, in capitals

    def heard(self, frame: Frame) -> None:
        """Remember how the watch speaks of itself."""
        self.maker, self.ident = frame.maker, frame.ident
        self.indexed = bool(frame.number)

    def text(self, content: str, index: str = "") -> bytes:
        """A frame to the watch, under the names that it uses for itself."""
        middle = f"{index}*" if index else ""
        length = f"{len(content):04X}"
        return f"[{self.maker}*{self.ident}*{middle}{length}*{content}]".encode("ascii")

    def order(self, command: Command, content: str) -> bytes:
        """The frame of a command; its reference is remembered until the watch repeats its name."""
        self.asked.ask(content.partition(",")[0].upper(), command.reference)
        self._index = self._index % 0xFFFF + 1
        return self.text(content, f"{self._index:04X}" if self.indexed else "")
