"""Frames of GPS103, and what one connection that speaks it knows.

    ##,imei:<15 digits>,A;             login
    <15 digits>;                       heartbeat
    imei:<15 digits>,<keyword>,...;    report

There is no checksum. The end mark is ; or a line end, and some firmware sends none: then the next
frame ends the one before. A second layout ends in `,*`. Source: docs/protocols/gps103.md.
"""

from __future__ import annotations

import re

from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import partial
from tracker.protocols.unanswered import ByKind

# A photograph comes in packets of some hundred bytes, written in hex.
TEXT_MOST = 4096
STAR_COMMAS = 18  # at least so many in the layout that ends in a star
SHORT_COMMAS = 2  # in the login that ends in a star: imei:...,L,*
IDENT = 15

# Devices without an end mark finish a frame by beginning the next, minutes later.
PATIENCE_S = 3600.0

_IMEI = tuple(bytes((letter,)) for letter in b"imei:")
START = re.compile(partial(b"#", b"#", b",", *_IMEI) + b"|" + partial(*_IMEI))
END = re.compile(rb"[;\r\n]|,\*|##,imei:|imei:")
FRAME = re.compile(rb"(?:##,)?imei:\d{15},[\x20-\x7e]*|\d{15}")
BARE = re.compile(rb"\d{15}")


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER; its end mark belongs to it."""
    begin = data.find(b":", at, at + 8) + 1
    if begin == 0:
        return MORE if len(data) - at < 8 else NEVER
    limit = at + TEXT_MOST
    for found in END.finditer(data, begin, limit):
        mark = found.group()
        if mark == b",*":
            commas = data.count(b",", at, found.end())
            if commas == SHORT_COMMAS or commas >= STAR_COMMAS:
                return found.end() - at
        elif len(mark) == 1:
            return found.end() - at
        else:
            return found.start() - at
    return MORE if len(data) < limit else NEVER


def fault(frame: bytes) -> str:
    """A frame is printable and names its device; a heartbeat is that name alone."""
    return "" if FRAME.fullmatch(frame.rstrip(b";\r\n")) else "garbage"


FRAMING = Framing(START, size, fault, PATIENCE_S)


class Link:
    """The device's commands that are not confirmed yet."""

    __slots__ = ("asked", "session", "spoken")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.spoken = session.ident or ""
        self.asked = ByKind[str](session)  # by the keyword of the report that confirms it

    def text(self, words: str) -> bytes:
        """A frame to the device, ended as option `gps103_end` has it: not at all by default."""
        end = str(self.session.options.get("gps103_end", ""))
        return f"**,imei:{self.spoken},{words}{end}".encode("ascii")

    def order(self, command: Command, words: str, keyword: str) -> bytes:
        """The frame of a command, which a report with `keyword` will confirm."""
        self.asked.ask(keyword, command.reference)
        return self.text(words)
