"""Eelink packages and the UDP wrapper around them, and the state of one connection.

    67 67 | kind u8 | length u16 | serial u16 | content
    45 4C | length u16 | checksum u16 | IMEI BCD[8] | packages            over UDP

All numbers are big-endian. A package's length counts serial and content; the wrapper's counts all
behind itself. A package has no checksum: it is right when its kind is known and its content is long
enough for it. The wrapper's sum covers IMEI and packages: for each byte, turn left by one bit and
add. Source: docs/protocols/eelink.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.fields import bcd, is_imei
from tracker.protocols.framing import MARK_LIMIT, MORE, NEVER, TEXT_LIMIT, Bytes, Framing, is_text

PACKAGE_HEAD = 7  # mark, kind, length, serial
WRAPPER_HEAD = 14  # mark, length, checksum, IMEI
IMEI_BYTES = 8
SERIAL_BYTES = 2

# Reports have 30 to 140 bytes, a block of a picture about a kilobyte; a damaged length must not be
# able to swallow minutes of a device's reports.
PACKAGE_MOST = 2048
WRAPPER_MOST = 8192  # as much as a datagram of ours can carry

# A package sent over a stalled radio link may take this long; half a package after a longer pause
# was cut off.
PATIENCE_S = 30.0

LOGIN, HEARTBEAT, OBD, REPLY = 0x01, 0x03, 0x07, 0x80
FIX, ALARM, STATE, SMS = 0x02, 0x04, 0x05, 0x06  # first models
NORMAL, WARNING, REPORT, TEXT = 0x12, 0x14, 0x15, 0x16
KINDS = frozenset({*range(0x01, 0x08), *range(0x12, 0x20), REPLY, 0x81})

# What the parts take that a mask announces, by its bits: place, own station, two neighbours, three
# access points. Bit 7 announces a list with a length of its own: radio u8, counts u8, ….
MASK_SIZES = (15, 11, 7, 7, 7, 7, 7, 2)
MASKED = {NORMAL: 2, WARNING: 3, REPORT: 3}  # with bytes behind that: status, and a code
LEAST = {LOGIN: IMEI_BYTES, FIX: 25, ALARM: 26, STATE: 26, SMS: 25, OBD: 2, REPLY: 5}


class Package(NamedTuple):
    """One package, taken apart. `sender` is the IMEI of the wrapper that it came in, or b""."""

    kind: int
    serial: int
    content: bytes
    sender: bytes = b""


def rotated_sum(data: bytes) -> int:
    """The wrapper's checksum."""
    total = 0
    for byte in data:
        total = ((total << 1 | total >> 15) + byte) & 0xFFFF
    return total


def size(data: Bytes, at: int) -> int:
    """Bytes of the package or wrapper that starts at `at`, MORE or NEVER."""
    if data[at] == 0x45:
        if len(data) < at + 4:
            return MORE
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        return length + 4 if WRAPPER_HEAD - 4 <= length <= WRAPPER_MOST else NEVER
    if len(data) < at + 5:
        return NEVER if len(data) > at + 2 and data[at + 2] not in KINDS else MORE
    length = int.from_bytes(data[at + 3 : at + 5], "big")
    if data[at + 2] not in KINDS or not SERIAL_BYTES <= length <= PACKAGE_MOST:
        return NEVER
    return length + 5


def fault(frame: bytes) -> str:
    """A right package is long enough for its kind; a right wrapper has the right sum, an IMEI and
    whole packages.
    """
    if frame[0] == 0x67:
        return "" if long_enough(frame[2], frame[PACKAGE_HEAD:]) else "length"
    if rotated_sum(frame[6:]) != int.from_bytes(frame[4:6], "big"):
        return "checksum"
    if not frame[6:WRAPPER_HEAD].hex().isdecimal():
        return "field"
    at = WRAPPER_HEAD
    while at < len(frame):
        step = size(frame, at) if frame.startswith(b"\x67\x67", at) else NEVER
        if step <= 0 or at + step > len(frame):
            return "length"
        at += step
    return ""


def long_enough(kind: int, content: bytes) -> bool:
    """Whether there is room for what this kind always has."""
    least = LEAST.get(kind, 0)
    if kind in MASKED:
        if len(content) < 5:
            return False
        mask = content[4]
        sizes = (size for bit, size in enumerate(MASK_SIZES) if mask >> bit & 1)
        least = 5 + sum(sizes) + MASKED[kind]
    return len(content) >= least


FRAMING = Framing(re.compile(rb"\x67(?:\x67|\Z)|E(?:L|\Z)"), size, fault, PATIENCE_S)
WRAPPERS = Framing(re.compile(rb"E(?:L|\Z)"), size, fault, PATIENCE_S)


def unpack(frame: bytes, sender: bytes = b"") -> Package:
    """Take a right package apart."""
    serial = int.from_bytes(frame[5:PACKAGE_HEAD], "big")
    return Package(frame[2], serial, frame[PACKAGE_HEAD:], sender)


def unwrap(frame: bytes) -> Iterator[Package]:
    """The packages in a right wrapper."""
    sender = frame[6:WRAPPER_HEAD]
    at = WRAPPER_HEAD
    while at < len(frame):
        end = at + size(frame, at)
        yield unpack(frame[at:end], sender)
        at = end


def pack(kind: int, serial: int, content: bytes = b"", sender: bytes = b"") -> bytes:
    """A whole package, in a wrapper where there is a sender."""
    length = SERIAL_BYTES + len(content)
    head = b"\x67\x67" + bytes((kind,)) + length.to_bytes(2, "big") + serial.to_bytes(2, "big")
    return wrap(sender, head + content) if sender else head + content


def wrap(sender: bytes, packages: bytes) -> bytes:
    """A wrapper around whole packages."""
    body = sender + packages
    sum_ = rotated_sum(body).to_bytes(2, "big")
    return b"EL" + (len(body) + 2).to_bytes(2, "big") + sum_ + body


def ack(package: Package, content: bytes = b"") -> bytes:
    """The answer to a package: its kind and serial, wrapped as it was."""
    return pack(package.kind, package.serial, content, package.sender)


def imei(data: bytes) -> str:
    """The identity in BCD[8]: sixteen digits, of which a leading 0 is padding."""
    if len(data) != IMEI_BYTES:
        raise IndexError("identity cut off")
    digits = bcd(data)
    return digits[1:] if digits[0] == "0" else digits


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Eelink's.

    A right package or wrapper at the start; anywhere within the limit a login with a right IMEI, or
    a right wrapper: what else has no checksum is no evidence behind something broken.
    """
    if len(data) >= TEXT_LIMIT and is_text(data[:TEXT_LIMIT]):
        return Match.NO
    marked = False
    at = FRAMING.next_start(data, 0)
    while at < min(len(data), PROBE_LIMIT):
        marked = True
        whole = FRAMING.whole(data, at)
        if whole == "" and (at == 0 or is_evidence(data, at)):
            return Match.YES
        if at == 0 and whole is None and is_long(data):
            return Match.YES
        at = FRAMING.next_start(data, at + 1)
    return Match.MORE if marked or len(data) < MARK_LIMIT else Match.NO


def is_evidence(data: bytes, at: int) -> bool:
    """Whether the right package or wrapper at `at` cannot be a coincidence."""
    if data[at] == 0x45:
        return True
    digits = data[at + PACKAGE_HEAD : at + PACKAGE_HEAD + IMEI_BYTES].hex()
    return data[at + 2] == LOGIN and digits[0] == "0" and is_imei(digits[1:])


def is_long(data: bytes) -> bool:
    """Whether a wrapper or a package runs beyond what a probe sees, and its head is a head."""
    whole = size(data, 0)
    if whole <= PROBE_LIMIT or len(data) < PROBE_LIMIT:
        return False
    if data[0] == 0x67:
        return True  # mark, kind and length: 20 bits, and nothing else of ours begins so
    digits = data[6:WRAPPER_HEAD].hex()
    return is_imei(digits[1:]) and data.startswith(b"\x67\x67", WRAPPER_HEAD)


class Link:
    """What one connection knows beyond its Session: our own serial, and whether it is wrapped."""

    __slots__ = ("serial", "session", "wrapped")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.serial = 0
        self.wrapped = False

    def next_serial(self) -> int:
        """Serial of the next package that we begin: 1 to 65,535, then from 1 again."""
        self.serial = self.serial % 0xFFFF + 1
        return self.serial

    def sender(self) -> bytes:
        """The IMEI for the wrapper of what we begin, b"" where the device uses none."""
        if not self.wrapped or self.session.ident is None:
            return b""
        try:
            return bytes.fromhex(self.session.ident.rjust(2 * IMEI_BYTES, "0"))
        except ValueError:
            raise DecodeError("field", "eelink: an identity that is no IMEI") from None
