"""Suntech frames in their forms, and how a connection is recognised.

    legacy      ST300STT;id;...\\r              ST or SA, a model, a kind; ST910;kind;id;...\\r
    universal   STT;id;mask;...\\r              a kind of three letters
    zip         02 | length u16 | kind u8 | id BCD[5] | ... | 03      legacy in binary
    binary      80 to 8F | length u16 | id BCD[5] | mask u24 | ...    universal in binary

Numbers are big-endian. Lengths count what is behind them, in a zip without the closing 03. Text
has no checksum; but kind UEX carries data of a serial port, in which lines may end, and kind CRR
binary data: both state the length of that, and behind it its sum, modulo 256, in hex.
Source: docs/protocols/suntech.md.
"""

from __future__ import annotations

import re

from tracker.protocols.base import PROBE_LIMIT, Match
from tracker.protocols.checks import sum8
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing
from tracker.protocols.textframes import SEPARATORS

# Reports have 20 to 400 characters; data of a serial port adds up to 999.
TEXT_MOST = 2048
BINARY_MOST = 1023

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

ZIP, ZIP_END = 0x02, 0x03
ZIP_KINDS = range(0x10, 0x18)
ZIP_LEAST = 6  # kind and identity
BINARY = range(0x80, 0x90)
BINARY_LEAST = 5  # identity
IDENT_BYTES = 5

KINDS = rb"STT|ALT|ALV|UEX|RES|CMD|BLE|BDA|CRR|TRV|EMG|EVT"
# The universal kinds stand in answers to commands as well, so one begins a frame only where a line
# begins.
LINE = rb"(?:\A|(?<=[\r\n]))"
HEAD = re.compile(rb"(?:S[TA][0-9]{3,4}(?:[A-Z]{3})?|" + LINE + rb"(?:" + KINDS + rb"));")
_HALVES = b"|".join(kind[:count] for kind in KINDS.split(b"|") for count in (3, 2, 1))
HALF_HEAD = re.compile(
    rb"(?:S(?:[TA](?:[0-9]{0,2}|[0-9]{3,4}[A-Z]{0,3}))?|" + LINE + rb"(?:" + _HALVES + rb"))\Z"
)
BINARY_HEAD = re.compile(rb"[\x02\x80-\x8f](?:\Z|[\x00-\x03])")
# Where a line does not begin, more is asked of a frame: it follows one whose end was lost.
INNER = re.compile(
    rb"S[TA][0-9]{3,4}[A-Z]{3};(?:Res;)?[0-9]{5,15};|(?:STT|ALT);[0-9]{9,10};[0-9A-F]{6,8};"
)
START = re.compile(b"|".join(each.pattern for each in (BINARY_HEAD, HEAD, INNER, HALF_HEAD)))

# Where the length of data stands: in UEX behind the inputs, which are the seventh field behind the
# coordinates.
SERIAL = re.compile(
    rb"S[TA][0-9]{3,4}UEX;(?:[^;\r]*;){4,12}?[+-]?[0-9]+\.[0-9]{4,};[+-]?[0-9]+\.[0-9]{4,};"
    rb"(?:[^;\r]*;){7}(?P<length>[0-9]{1,3});"
)
CRASH = re.compile(rb"CRR;[0-9]{5,15};[0-9]{1,3};[0-9]{1,3};(?P<length>[0-9]{1,4});")
SUM = re.compile(rb";([0-9A-Fa-f]{2})[;\r]")
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

EVIDENCE = re.compile(
    rb"(?:\A|[\r\n])[\r\n\0\t ]*(?:S[TA][0-9]{3,4}[A-Z]{3};(?:Res;)?[0-9]{5,15}[;\r]"
    rb"|ST9[0-9]{2};[A-Z][A-Za-z]+;[0-9]{5,15};"
    rb"|(?:STT|ALT|ALV|UEX|BLE|CRR|TRV|RES);[0-9]{9,15}[;\r])"
)


def data_of(frame: Bytes, at: int = 0) -> tuple[int, int] | None:
    """Where data of stated length starts and ends in a text frame; None where it has none."""
    head = SERIAL.match(frame, at) or CRASH.match(frame, at)
    return None if head is None else (head.end(), head.end() + int(head["length"]))


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    first = data[at]
    if first == ZIP or first in BINARY:
        return binary_size(data, at)
    if not (HEAD.match(data, at) or INNER.match(data, at)):
        return MORE if HALF_HEAD.match(data, at) else NEVER
    limit = at + TEXT_MOST
    stated = data_of(data, at)
    end = data.find(b"\r", at if stated is None else stated[1], limit)
    if stated is None:
        behind = INNER.search(data, at + 1, limit if end < 0 else end)
        if behind is not None:
            return NEVER
    if end >= 0:
        return end + 1 - at
    return MORE if len(data) < limit else NEVER


def binary_size(data: Bytes, at: int) -> int:
    """Bytes of a binary frame; in a zip the kind must be known as well."""
    if len(data) < at + 4:
        return MORE
    length = int.from_bytes(data[at + 1 : at + 3], "big")
    if data[at] == ZIP:
        known = data[at + 3] in ZIP_KINDS and ZIP_LEAST <= length <= BINARY_MOST
        return length + 4 if known else NEVER
    return length + 3 if BINARY_LEAST <= length <= BINARY_MOST else NEVER


def fault(frame: bytes) -> str:
    """A right text is printable where no data of another kind stands, and the sum of such data is
    right; a right binary frame has an identity and, where it states one, a possible date.
    """
    if frame[0] == ZIP:
        return "" if frame[-1] == ZIP_END and frame[4:9].hex().isdecimal() else "field"
    if frame[0] in BINARY:
        return "" if frame[3:8].hex().isdecimal() and dated(frame) else "field"
    stated = data_of(frame)
    if stated is None:
        return "field" if CONTROL.search(frame, 0, len(frame) - 1) else ""
    start, end = stated
    check = SUM.match(frame, end)
    right = check is not None and int(check[1], 16) == sum8(frame[start:end])
    return "" if right else "checksum"


def dated(frame: bytes) -> bool:
    """Whether the date of a binary frame, which bits 4 and 5 of its mask announce, is possible."""
    if len(frame) < 11:
        return True  # an identity alone
    mask = int.from_bytes(frame[8:11], "big")
    if mask & 0x30 != 0x30:
        return False
    at = 11 + (mask >> 1 & 1) + 3 * (mask >> 2 & 1) + (mask >> 3 & 1)
    if len(frame) < at + 6:
        return False
    _, month, day, hour, minute, second = frame[at : at + 6]
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60


FRAMING = Framing(START, size, fault, PATIENCE_S)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Suntech's: the head and identity of a
    text frame, also behind a damaged one; or a whole right binary frame.
    """
    if EVIDENCE.search(data, 0, PROBE_LIMIT):
        return Match.YES
    at = FRAMING.next_start(data, 0)
    while at < min(len(data), PROBE_LIMIT):
        if data[at] >= 0x80 or data[at] == ZIP:
            size_here = size(data, at)
            if size_here > 0 and FRAMING.whole(data, at) == "" and size_here > ZIP_LEAST + 4:
                return Match.YES
        at = FRAMING.next_start(data, at + 1)
    begun = data.lstrip(SEPARATORS)
    return Match.MORE if not begun or FRAMING.next_start(begun, 0) == 0 else Match.NO
