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
from tracker.protocols.checks import xor8
from tracker.protocols.fields import luhn_digit
from tracker.protocols.framing import Bytes
from tracker.protocols.jt808 import clone

MARK = b"\x7e"
BODY_MOST = 0x3FF
LONG_BODY = 0x1FFF  # with makers that never encrypt, and count on into the bits for it
SPLIT = 0x2000
VERSION_2019 = 0x4000
ENCRYPTED = 0x1C00
RESERVED = 0x8000
ATTRIBUTES_END = 4  # bytes of a message from which its length is known
HEADER_2013 = 12
HEADER_2019 = 17
SPLIT_FIELDS = 4  # added to either header
PHONE_2013 = 6
PHONE_LEAST = 12  # digits kept of a 2019 phone when its padding is taken away
IMEI_NUMBER = (13, 14)  # digits of one without check digit, as a number: some begin with a 0

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

    Read as escaped, and if that is wrong as it stands: see `plain_size`.
    """
    if b"\x7d" not in content:
        return unpack_plain(content)
    try:
        return unpack_plain(unescape(content))
    except DecodeError:
        if plain_size(content) != len(content):
            raise
        return unpack_plain(content)


def plain_size(content: Bytes) -> int:
    """The length, checksum included, that the header of a message states for it, if it is known
    and may come from a terminal that does not escape; 0 if it is not, or the header is cut off.

    Such terminals are met: the length in their headers and their checksum are those of the bytes
    as they travel. A wrong checksum alone is never excused, nor one over what was escaped: that
    one differs from the right one by a single bit, as damage does.
    """
    if len(content) < ATTRIBUTES_END:
        return 0
    message, attributes = int.from_bytes(content[:2], "big"), int.from_bytes(content[2:4], "big")
    if message in LOCK_MESSAGES:
        return LOCK_HEADER + (attributes & BODY_MOST) + 1
    if message not in KNOWN_MESSAGES or attributes & (ENCRYPTED | RESERVED):
        return 0
    return body_start(attributes) + (attributes & BODY_MOST) + 1


def body_start(attributes: int) -> int:
    """Bytes of a header with these attributes."""
    return (HEADER_2019 if attributes & VERSION_2019 else HEADER_2013) + (
        SPLIT_FIELDS if attributes & SPLIT else 0
    )


def unpack_clone(content: bytes) -> Frame:
    """Take apart what stands between two marks of a clone. DecodeError as in `unpack`."""
    return unpack_plain(clone.unescape(content), clone.CLONE_PHONE)


def unpack_plain(plain: bytes, phone_size: int = PHONE_2013) -> Frame:
    """Take apart an unescaped message. DecodeError if checksum or length are wrong.

    Messages of JT701 locks have a serial of one byte and other attributes than their length.
    """
    if xor8(plain):
        raise DecodeError("checksum", "jt808: wrong checksum", plain)
    if len(plain) <= HEADER_2013:
        raise DecodeError("length", "jt808: shorter than a header", plain)
    message, attributes = struct.unpack_from(">HH", plain)
    if attributes & VERSION_2019:
        head, at = Head(plain[5:15], plain[4]), 15
    else:
        at = ATTRIBUTES_END + phone_size
        head = Head(plain[ATTRIBUTES_END:at], -1)
    if message in LOCK_MESSAGES:
        return unpack_lock(plain, message, attributes)
    start = at + (6 if attributes & SPLIT else 2)
    size = len(plain) - start - 1
    if size != attributes & LONG_BODY:
        if size == attributes & BODY_MOST:
            raise DecodeError("encryption", "jt808: encrypted, and no key is known", plain)
        raise DecodeError("length", "jt808: body length is not what the header says", plain)
    serial = int.from_bytes(plain[at : at + 2], "big")
    if attributes & SPLIT:
        packets, packet = struct.unpack_from(">HH", plain, at + 2)
        if not 1 <= packet <= packets:
            raise DecodeError("split", f"jt808: packet {packet} of {packets}", plain)
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


def pack(
    head: Head, message: int, serial: int, body: bytes, part: tuple[int, int] | None = None
) -> bytes:
    """A whole frame to a terminal; the body at most BODY_MOST bytes.

    `part`, the number of packets and that of this one, makes it a packet of a split message.
    """
    attributes = len(body) | (SPLIT if part else 0)
    if head.version >= 0:
        start = struct.pack(">HHB", message, attributes | VERSION_2019, head.version)
    else:
        start = struct.pack(">HH", message, attributes)
    content = start + head.phone + serial.to_bytes(2, "big")
    content += struct.pack(">HH", *part) + body if part else body
    content += bytes((xor8(content),))
    if len(head.phone) == clone.CLONE_PHONE:
        return clone.CLONE_MARK + clone.escape(content) + clone.CLONE_MARK
    if b"\x7e" in content or b"\x7d" in content:
        content = escape(content)
    return b"\x7e" + content + b"\x7e"


def identity(head: Head) -> str:
    """The identity in a header.

    Digits: all twelve of a 2013 phone, all fourteen of a clone's, a 2019 phone without its padding.
    Six bytes that are no digits are, with some makes, an IMEI as a number without its check digit;
    else they stay hex.
    """
    digits = head.phone.hex()
    if digits.isdecimal():
        return digits.lstrip("0").rjust(PHONE_LEAST, "0") if head.is_2019 else digits
    number = str(int.from_bytes(head.phone, "big"))
    if len(number) not in IMEI_NUMBER:
        return digits
    number = number.zfill(max(IMEI_NUMBER))
    return number + luhn_digit(number)
