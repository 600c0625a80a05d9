"""Where messages of JT/T 808 begin and end: one reading of the marks, for decoder and probe.

A message stands between two marks, escaped. Some terminals do not escape: the length in their
header and their checksum are those of the bytes as they stand, and a 7E among them is no mark.
Such a message is taken only if it is one that we know and both length and checksum say so.
"""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.protocols.base import PROBE_LIMIT, Match
from tracker.protocols.framing import MARK_LIMIT, TEXT_LIMIT, Bytes, is_text
from tracker.protocols.jt808.clone import CLONE_MARK
from tracker.protocols.jt808.wire import (
    BODY_MOST,
    ENCRYPTED,
    HEADER_2013,
    HEADER_2019,
    KNOWN_MESSAGES,
    MARK,
    VERSION_2019,
    Frame,
    plain_size,
    unescape,
    unpack,
    unpack_clone,
    unpack_plain,
)

# What a message is: where its last mark stands, and its frame or what is wrong with it.
Found = tuple[int, Frame | DecodeError]


def message_at(data: Bytes, start: int, end: int) -> Found | None:
    """The message whose content begins at `start` and whose next mark stands at `end`; None if
    more bytes are needed to say.

    A message that is not right up to the next mark may go on behind it, unescaped, to the length
    that its header states; unless a right message comes to its end before, which proves that the
    first one is damaged. A right checksum at a mark means that the message ends there, whatever
    its header says: with a pair of marks behind it, it would be right again and again. What is
    found so depends on the bytes alone and not on how they are cut.
    """
    try:
        return end, unpack(bytes(data[start:end]))
    except DecodeError as error:
        fault = error
    last = start + plain_size(data[start:end])
    if fault.kind != "checksum" or last <= end:
        return end, fault
    mark = end
    while 0 <= mark < last:
        after = data.find(MARK, mark + 1, last + 1)
        if after > mark + 1 and is_right(bytes(data[mark + 1 : after])):
            return end, fault
        mark = after
    if last >= len(data):
        return None
    if data[last] != MARK[0]:
        return end, fault
    try:
        return last, unpack_plain(bytes(data[start:last]))
    except DecodeError:
        return end, fault


def begins_clone(data: Bytes) -> bool | None:
    """Whether a message of a clone starts here: its mark and a message that we know. None while
    there are too few bytes to say.
    """
    if data[:1] != CLONE_MARK:
        return False
    return int.from_bytes(data[1:3], "big") in KNOWN_MESSAGES if len(data) >= 3 else None


def probe_clone(data: bytes) -> Match:
    """As `probe`, for what begins with the mark of a clone."""
    begins = begins_clone(data)
    end = data.find(CLONE_MARK, 1)
    if begins is False:
        return Match.NO
    if begins is None or end < 0:
        return Match.MORE if len(data) < PROBE_LIMIT else Match.NO
    try:
        unpack_clone(data[1:end])
    except DecodeError:
        return Match.NO
    return Match.YES


def is_right(content: bytes) -> bool:
    """Whether what stands between two marks is a message."""
    try:
        unpack(content)
    except DecodeError as error:
        return error.kind == "encryption"
    return True


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

    YES is a right message between two marks, whatever stands before it; or, when the limit is
    reached within a message, the header of it (a location with many items, or a batch, is longer
    than what a probe may wait for).
    """
    if len(data) >= TEXT_LIMIT and is_text(data[:TEXT_LIMIT]):
        return Match.NO
    of_clone = probe_clone(data)
    if of_clone != Match.NO:
        return of_clone
    start = data.find(MARK)
    if start < 0:
        return Match.MORE if len(data) < MARK_LIMIT else Match.NO
    full = len(data) >= PROBE_LIMIT
    while 0 <= start < PROBE_LIMIT:
        end = data.find(MARK, start + 1)
        found = message_at(data, start + 1, end) if end > start + 1 else None
        if found is not None and is_message(found[1]):
            return Match.YES
        if found is None and full and end != start + 1 and is_header(data[start + 1 :]):
            return Match.YES
        start = end
    return Match.MORE


def is_message(found: Frame | DecodeError) -> bool:
    """Whether this was a message: right, or right and encrypted."""
    return not isinstance(found, DecodeError) or found.kind == "encryption"
