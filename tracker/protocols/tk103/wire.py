"""Frames of TK103, and what one connection that speaks it knows.

    ( | identity, 12 characters | code, two letters and two digits | data | )
    ( | identity, 11 to 15 digits | , | code | , | fields | )

There is no checksum. Newer devices wrap text in dollar signs, within which ) does not end a frame.
Source: docs/protocols/tk103.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import partial
from tracker.protocols.unanswered import ByKind

# The protocol text allows data of 1 KB.
TEXT_MOST = 1100

# Half a frame after a longer pause was cut off.
PATIENCE_S = 30.0

# BP00 is the handshake; BR00 comes at intervals, whether they were set or not.
ANSWERS = {"AP00": "BP04", "AR00": ""}

START = re.compile(partial(rb"\(", *[rb"[0-9A-Za-z]"] * 10))
INSIDE = re.compile(rb"\([0-9A-Za-z]{11,12}(?:[A-Z]{2}\d\d|\d{0,4},[A-Z]{2}\d)")
DOLLARS = re.compile(rb"\(\d{11,15},ZC03,\d{6},\d{6},\$")
COMMAS = re.compile(rb"\((\d{11,15}),([A-Z]{2}[0-9A-F]{2})(?:,([\x09-\x7e]*))?\)")
# Twelve characters are the rule; some firmware drops or adds one.
CLASSIC = tuple(
    re.compile(rb"\(([0-9A-Za-z]{%d})([A-Z]{2}\d\d)([\x09-\x7e]*)\)" % count)
    for count in (12, 11, 13, 14, 15)
)


class Frame(NamedTuple):
    """One frame, taken apart; `fields` is None where it has no commas between them."""

    ident: str
    code: str
    data: str
    fields: list[str] | None


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    dollars = DOLLARS.match(data, at)
    begin, mark = (at, b")") if dollars is None else (dollars.end(), b"$)")
    end = data.find(mark, begin, at + TEXT_MOST)
    if INSIDE.search(data, at + 1, end if end >= 0 else at + TEXT_MOST):
        return NEVER  # cut off: another frame begins within
    if end < 0:
        return MORE if len(data) - at < TEXT_MOST else NEVER
    return end + len(mark) - at


def unpack(frame: bytes) -> Frame | None:
    """A frame taken apart; None if it is none."""
    found = COMMAS.fullmatch(frame)
    if found is not None:
        ident, code, data = (part.decode("ascii") for part in found.groups(b""))
        return Frame(ident, code, data, data.split(",") if data else [])
    for pattern in CLASSIC:
        found = pattern.fullmatch(frame)
        if found is not None:
            ident, code, data = (part.decode("ascii") for part in found.groups())
            return Frame(ident, code, data, None)
    return None


def fault(frame: bytes) -> str:
    """A frame names its device and has a code."""
    return "garbage" if unpack(frame) is None else ""


FRAMING = Framing(START, size, fault, PATIENCE_S)


class Link:
    """How the device names itself, and the commands that it has not answered yet."""

    __slots__ = ("asked", "session", "spoken")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.spoken = session.ident or ""
        self.asked = ByKind[str](session)  # by the code of the answer

    def text(self, words: str) -> bytes:
        """A frame to the device."""
        return f"({self.spoken}{words})".encode("ascii")

    def order(self, command: Command, words: str) -> bytes:
        """The frame of a command. Its answer has the same code with B in place of A, as a rule."""
        answer = ANSWERS.get(words[:4], f"B{words[1:4]}")
        if answer:
            self.asked.ask(answer, command.reference)
        return self.text(words)
