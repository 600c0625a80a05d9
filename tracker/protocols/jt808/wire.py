"""JT/T 808 frames: escaping, headers of 2011/2013 and 2019, checksum.

    7E | header | body | XOR of header and body | 7E        (7E -> 7D 02, 7D -> 7D 01 inside)

Header: message id u16, attributes u16 (bits 0-9 body length, 10-12 encryption, 13 split, 14
version 2019), [2019: protocol version u8], phone BCD[6] [2019: BCD[10]], serial u16, [split:
packets u16, packet u16 from 1]. All numbers are big-endian. Source: docs/protocols/jt808.md.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Match
from tracker.protocols.checks import xor8
from tracker.protocols.fields import luhn_digit
from tracker.protocols.framing import MARK_LIMIT, TEXT_LIMIT, is_text

MARK = b"\x7e"
BODY_MOST = 0x3FF
SPLIT = 0x2000
VERSION_2019 = 0x4000
ENCRYPTED = 0x1C00
HEADER_2013 = 12
HEADER_2019 = 17
PHONE_LEAST = 12  # digits kept of a 2019 phone when its padding is taken away

LOCK_MESSAGES = frozenset({0x5501, 0x5502})
LOCK_HEADER = 11

# Locks also send lines of text between the frames; they get a message id that no frame can have.
TEXT_LINE = 0x10000
TEXT_FORM = re.compile(rb"\((\d{12}),[\x20-\x27\x2a-\x7e]{1,64}\)")
TEXT_MOST = 80

# The longest frame: header of a split 2019 message, body, checksum; every byte may be escaped.
FRAME_MOST = 2 * (HEADER_2019 + 4 + BODY_MOST + 1)

# Messages of terminals. A probe asks for one of them in a header it cannot check otherwise.
KNOWN_MESSAGES = frozenset(
    {0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0100, 0x0102, 0x0104, 0x0107, 0x0108, 0x0109}
    | {0x0200, 0x0201, 0x0301, 0x0302, 0x0303, 0x0500, 0x0700, 0x0701, 0x0702, 0x0704, 0x0705}
    | {0x0800, 0x0801, 0x0802, 0x0805, 0x0900, 0x0901, 0x0A00}
)


class Head(NamedTuple):
    """What answers repeat of a message's header."""

    phone: bytes
    version: int  # the protocol version byte; -1 for headers of 2011/2013, which have none

    @property
    def is_2019(self) -> bool:
        """Whether the header is that of 2019."""
        return self.version >= 0


class Frame(NamedTuple):
    """One message, or one packet of a split message (then `packets` is not 0)."""

    head: Head
    message: int
    serial: int
    body: bytes
    packets: int = 0
    packet: int = 0
    attributes: int = 0


def unescape(content: bytes) -> bytes:
    """What stands between two marks, as it was before escaping."""
    if b"\x7d" not in content:
        return content
    return content.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def escape(content: bytes) -> bytes:
    """Content that may stand between two marks."""
    return content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unpack(content: bytes) -> Frame:
    """Take apart what stands between two marks. DecodeError if checksum or length are wrong.

    Messages of JT701 locks have a serial of one byte and other attributes than their length.
    """
    plain = unescape(content)
    if xor8(plain):
        raise DecodeError("checksum", "jt808: wrong checksum", content)
    if len(plain) <= HEADER_2013:
        raise DecodeError("length", "jt808: shorter than a header", content)
    message, attributes = struct.unpack_from(">HH", plain)
    if attributes & VERSION_2019:
        head, at = Head(plain[5:15], plain[4]), 15
    else:
        head, at = Head(plain[4:10], -1), 10
    if message in LOCK_MESSAGES:
        return unpack_lock(plain, message, attributes)
    start = at + (6 if attributes & SPLIT else 2)
    if len(plain) != start + (attributes & BODY_MOST) + 1:
        raise DecodeError("length", "jt808: body length is not what the header says", content)
    if attributes & ENCRYPTED:
        raise DecodeError("encryption", "jt808: encrypted, and no key is known", content)
    serial = int.from_bytes(plain[at : at + 2], "big")
    if attributes & SPLIT:
        packets, packet = struct.unpack_from(">HH", plain, at + 2)
        if not 1 <= packet <= packets:
            raise DecodeError("split", f"jt808: packet {packet} of {packets}", content)
        return Frame(head, message, serial, plain[start:-1], packets, packet, attributes)
    return Frame(head, message, serial, plain[start:-1], attributes=attributes)


def unpack_lock(plain: bytes, message: int, attributes: int) -> Frame:
    """A message of a JT701 lock: id u16, attributes u16, identity BCD[6], serial u8, body."""
    if len(plain) != LOCK_HEADER + (attributes & BODY_MOST) + 1:
        raise DecodeError("length", "jt808: body length is not what the header says", plain)
    head = Head(plain[4:10], -1)
    return Frame(head, message, plain[10], plain[LOCK_HEADER:-1], attributes=attributes)


def unpack_text(line: bytes) -> Frame | None:
    """A line of a lock as a frame of TEXT_LINE, without its brackets; None if it is none."""
    found = TEXT_FORM.fullmatch(line)
    if found is None:
        return None
    return Frame(Head(bytes.fromhex(found[1].decode()), -1), TEXT_LINE, 0, line[1:-1])


def pack(head: Head, message: int, serial: int, body: bytes) -> bytes:
    """A whole frame to a terminal; the body at most BODY_MOST bytes."""
    if head.version >= 0:
        attributes = len(body) | VERSION_2019
        start = struct.pack(">HHB", message, attributes, head.version)
    else:
        start = struct.pack(">HH", message, len(body))
    content = start + head.phone + serial.to_bytes(2, "big") + body
    content += bytes((xor8(content),))
    if b"\x7e" in content or b"\x7d" in content:
        content = escape(content)
    return b"\x7e" + content + b"\x7e"


def identity(head: Head) -> str:
    """The identity in a header.

    Digits: all twelve of a 2013 phone, a 2019 phone without its padding. Six bytes that are no
    digits are, with some makes, an IMEI as a number without its check digit; else they stay hex.
    """
    digits = head.phone.hex()
    if digits.isdecimal():
        return digits.lstrip("0").rjust(PHONE_LEAST, "0") if head.is_2019 else digits
    number = str(int.from_bytes(head.phone, "big"))
    return number + luhn_digit(number) if len(number) == 14 else digits


def is_header(content: bytes) -> bool:
    """Whether this start of a message too long to wait for is a header beyond doubt: a known
    message of digits, not encrypted, whose body is not complete.
    """
    plain = unescape(content)
    if len(plain) < HEADER_2019 + 4:
        return False
    message, attributes = struct.unpack_from(">HH", plain)
    phone = plain[5:15] if attributes & VERSION_2019 else plain[4:10]
    return (
        message in KNOWN_MESSAGES
        and not attributes & (ENCRYPTED | 0x8000)
        and phone.hex().isdecimal()
        and (attributes & BODY_MOST) + HEADER_2013 >= len(plain)
    )


def probe(data: bytes) -> Match:
    """Whether these first bytes of a connection are JT/T 808.

    YES is a message between two marks with the right length and checksum, whatever stands before
    it; or, when the limit is reached within a message, the header of it (a location with many
    items, or a batch, is longer than what a probe may wait for).
    """
    if len(data) >= TEXT_LIMIT and is_text(data[:TEXT_LIMIT]):
        return Match.NO
    start = data.find(MARK)
    if start < 0:
        return Match.MORE if len(data) < MARK_LIMIT else Match.NO
    while 0 <= start < PROBE_LIMIT:
        end = data.find(MARK, start + 1)
        if end < 0:
            long = len(data) >= PROBE_LIMIT and is_header(data[start + 1 :])
            return Match.YES if long else Match.MORE
        if end > start + 1 and is_right(data[start + 1 : end]):
            return Match.YES
        start = end
    return Match.MORE


def is_right(content: bytes) -> bool:
    """Whether what stands between two marks is a message."""
    try:
        unpack(content)
    except DecodeError as error:
        return error.kind == "encryption"
    return True
