"""Frames of H02, and what one connection that speaks it knows.

    * | maker, two letters | , | identity | , | kind | , fields | #
    $ | record in BCD; X and Y begin records without identity

There is no checksum, so records are held to what dates, angles and BCD can be. Nor do they state
their size: 32 bytes, 42 with a long identity, and with some models a tail of 13 bytes with station
data behind the 32. What follows a record is its tail unless another frame begins there; from then
on records of this device are taken with their tail. Source: docs/protocols/h02.md.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime

from tracker.model import Command
from tracker.protocols.base import Session
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import partial

# The longest known text is a list of neighbour cells, some 300 characters.
TEXT_MOST = 1024
RECORD = 32
LONG_RECORD = 42  # with an identity of 8 bytes
TAIL = 13
TAILED_RECORD = RECORD + TAIL
PADDING_MOST = 3  # bytes without meaning behind the tail, with one model

SHORT_BASE, LONG_BASE = 6, 9  # offset of the time of day in a record

# Half a frame after a longer pause was cut off.
PATIENCE_S = 30.0

# Commands of one kind sent and not confirmed yet: a device that never answers must not fill memory.
UNANSWERED_MOST = 16

TEXT_MARK = re.compile(rb"\*[A-Za-z]{2},\d")
START = re.compile(
    partial(rb"\*", rb"[A-Za-z]", rb"[A-Za-z]", b",", rb"\d") + rb"|[$XY]", re.DOTALL
)
TEXT = re.compile(rb"\*[A-Za-z]{2},\d{8,16},[\x20-\x7e]*#")


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    return text_size(data, at) if data[at] == 0x2A else record_size(data, at)


def text_size(data: Bytes, at: int) -> int:
    """Up to the #, unless another text begins before it: then this one was cut off."""
    end = data.find(b"#", at, at + TEXT_MOST)
    if TEXT_MARK.search(data, at + 1, end if end >= 0 else at + TEXT_MOST):
        return NEVER
    if end < 0:
        return MORE if len(data) - at < TEXT_MOST else NEVER
    return end + 1 - at


def record_size(data: Bytes, at: int, *, tailed: bool = False) -> int:
    """Bytes of the record at `at`; `tailed` if the device's records have their tail."""
    base = record_base(data, at)
    if base != SHORT_BASE:
        return LONG_RECORD if base else NEVER
    if not tailed:
        return RECORD
    if len(data) - at < TAILED_RECORD:
        return MORE
    return RECORD if begins(data, at + RECORD) else TAILED_RECORD


def begins(data: Bytes, at: int) -> bool:
    """Whether a frame begins here, as far as its bytes are there."""
    if data[at] == 0x2A:
        return START.match(data, at) is not None
    return data[at] in b"$XY" and record_base(data, at) > 0


def tail_size(data: Bytes) -> int:
    """Bytes of the tail at the front, behind a record: 0 if a frame begins there, NEVER if that
    cannot be told yet. What stands before a text is no tail, and is passed over like one.
    """
    if begins(data, 0):
        return 0
    if data[:2] == b"\r\n":  # 13 satellites can be, but not with ten times 2 to the 24 km
        return 2
    text = TEXT_MARK.search(data, 0, TAIL)
    if text is not None:
        return text.start()
    return TAIL if len(data) >= TAIL else NEVER


def record_base(data: Bytes, at: int) -> int:
    """Offset of the time in the record at `at`, as far as its bytes are there; 0 if it is none."""
    if data[at] != 0x59 and not is_bcd(data[at + 1 : at + SHORT_BASE].hex()):
        return 0
    if is_dated(data, at + SHORT_BASE):
        return SHORT_BASE
    if data[at] == 0x24 and is_bcd(data[at + 6 : at + 8].hex()) and is_dated(data, at + LONG_BASE):
        return LONG_BASE
    return 0


def is_bcd(digits: str) -> bool:
    """Only decimal digits, or nothing yet."""
    return not digits or digits.isdecimal()


def is_dated(data: Bytes, at: int) -> bool:
    """Whether time, date, latitude, battery, longitude, speed and course can stand here.

    hh mm ss dd mm yy | DDmm.mmmm | u8 | DDDmm.mmmm, flags | speed 3 digits, course 3 digits; as
    many of them as are there.
    """
    digits = data[at : at + 19].hex()
    if not (is_bcd(digits[:20]) and is_bcd(digits[22:31]) and is_bcd(digits[32:])):
        return False
    return (
        digits[0:2] <= "23"
        and digits[2:4] <= "59"
        and digits[4:6] <= "59"
        and digits[6:8] <= "31"
        and digits[8:10] <= "12"
        and digits[12:14] <= "90"
        and digits[14:16] <= "59"
        and digits[22:25] <= "180"
        and digits[25:27] <= "59"
        and digits[35:38] <= "360"
    )


def fault(frame: bytes) -> str:
    """A text must be printable and name its device; a record was looked at for its size."""
    return "" if frame[0] != 0x2A or TEXT.fullmatch(frame) else "garbage"


FRAMING = Framing(START, size, fault, PATIENCE_S)


class Link:
    """The device's names for itself and its maker, and the commands that it has not confirmed."""

    __slots__ = ("_unanswered", "bits", "maker", "session", "spoken")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.maker = "HQ"
        self.spoken = session.ident or ""
        self.bits: dict[int, str] = {
            int(bit): str(name) for bit, name in (session.options.get("h02_alarms") or {}).items()
        }
        self._unanswered: dict[str, deque[tuple[str, int]]] = {}

    def name(self, stated: str) -> str:
        """The identity for what a frame calls its device.

        One device can have 15 digits in texts and ten of them in records: digits 1-10, 5-14 or
        6-15 of an IMEI. Both are the one that was heard first.
        """
        known = self.session.ident
        if known is not None and known != stated and {len(known), len(stated)} == {10, 15}:
            short, long = sorted((known, stated), key=len)
            if short in (long[:10], long[4:14], long[5:]):
                return known
        return stated

    def text(self, *fields: str) -> bytes:
        """A frame to the device. Devices ignore the letters of another maker than their own."""
        return f"*{self.maker},{self.spoken},{','.join(fields)}#".encode("ascii")

    def clock(self, layout: str) -> str:
        """The time now, in UTC."""
        return datetime.fromtimestamp(self.session.now, UTC).strftime(layout)

    def ack(self, kind: str) -> bytes:
        """Confirmation of a report, in the words that option `h02_ack` chooses."""
        style = self.session.options.get("h02_ack", "V4")
        if style == "none":
            return b""
        if style == "R12":
            return self.text("R12", self.clock("%H%M%S"))
        return self.text("V4", kind, self.clock("%Y%m%d%H%M%S"))

    def order(self, command: Command, code: str, *parameters: str) -> bytes:
        """The frame of a command; its reference is remembered until the device confirms it."""
        stamp = self.clock("%H%M%S")
        waiting = self._unanswered.setdefault(code, deque(maxlen=UNANSWERED_MOST))
        waiting.append((stamp, command.reference))
        return self.text(code, stamp, *parameters)

    def reference(self, code: str, stamps: list[str]) -> int | None:
        """The reference of the command confirmed: the one with its time, else the oldest."""
        waiting = self._unanswered.get(code)
        if not waiting:
            return None
        for entry in waiting:
            if entry[0] in stamps:
                waiting.remove(entry)
                return entry[1]
        return waiting.popleft()[1]
