"""Queclink frames in three forms, and the state of one connection that speaks them.

    text    +RESP:GTxxx,...,send time,count$      reports; +BUFF stored ones, +ACK answers
    HEX     +RSP ... | CRC u16 | 0D 0A            the same in binary; +BSP, +EVT, +INF ...
    air     2B or 2D | 00 | length u16 | ... | count u16 | CRC u8 | 24

Text has no checksum; $ may be 00 or $ 00, and may stand within. The CRC of HEX is CRC-16/CCITT-
FALSE from behind the mark, that of air frames CRC-8/NRSC-5 from the start. Numbers are big-endian.
Source: docs/protocols/queclink.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracker.errors import CommandError
from tracker.model import Command
from tracker.protocols.base import PROBE_LIMIT, Match, Session
from tracker.protocols.checks import crc8_egts as crc8_nrsc5
from tracker.protocols.checks import crc16_ccitt_false
from tracker.protocols.framing import MORE, NEVER, Bytes, Framing

# Text reports have 100 to 1,500 bytes; a data report carries up to 4,000 of a serial port.
TEXT_MOST = 8192
HEX_MOST = 4096
AIR_LEAST, AIR_MOST = 24, 2048  # the protocol's own limit is 1,440

HEX_MARK = 4
HEX_TAIL = 4  # CRC and line end

# A frame sent over a stalled radio link may take this long; half a frame after a longer pause was
# cut off.
PATIENCE_S = 30.0

TEXT_HEAD = re.compile(rb"\+(?P<source>RESP|BUFF|ACK):GT(?P<kind>[A-Z0-9]{3}),")
TEXT_START = re.compile(rb"\+(?:RESP|BUFF|ACK):GT")
# Send time and count, or in the oldest models count and version.
TEXT_END = re.compile(rb",(?:(?:[0-9]{14})?,[0-9A-Fa-f]{4}|[0-9A-Fa-f]{4},[0-9]{10})[$\x00]")
END_MOST = 21  # bytes of the longest such end
CLOSE = re.compile(rb"[$\x00]")
LOOSE_END = re.compile(rb"[$\x00](?=[\x00\r\n]*\Z)")
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

HEX_MARKS = rb"RSP|BSP|EVT|BVT|INF|BNF|HBD|CRD|BRD|ACK(?!:)|LGN"
START = re.compile(
    rb"\+(?:(?:RESP|BUFF|ACK):GT|" + HEX_MARKS + rb"|R(?:E(?:S(?:P(?::G?)?)?)?|S)?\Z"
    rb"|B(?:U(?:F(?:F(?::G?)?)?)?|S|V|N|R)?\Z|A(?:C(?:K(?::G?)?)?)?\Z"
    rb"|E(?:V)?\Z|I(?:N)?\Z|H(?:B)?\Z|C(?:R)?\Z|L(?:G)?\Z|\Z)|[+-]\x00|-\Z"
)


def is_text(data: Bytes, at: int) -> bool:
    """Whether the frame that starts at `at` is text."""
    return TEXT_START.match(data, at) is not None


def size(data: Bytes, at: int) -> int:
    """Bytes of the frame that starts at `at`, MORE or NEVER."""
    if len(data) < at + 2:
        return MORE
    if data[at + 1] == 0:
        return air_size(data, at)
    if is_text(data, at):
        return text_size(data, at)
    if len(data) < at + 8 and START.match(data, at):  # "+ACK:GT" is not told apart before
        return MORE
    return hex_size(data, at)


def text_size(data: Bytes, at: int) -> int:
    """A text frame ends behind send time and count; or, where these are not as usual, at the last
    $ before the next frame.
    """
    limit = at + TEXT_MOST
    behind = TEXT_START.search(data, at + 1, limit)
    until = behind.start() if behind is not None else min(len(data), limit)
    close = CLOSE.search(data, at, until)
    if close is not None:
        end = TEXT_END.search(data, max(at, close.end() - END_MOST), until)
        if end is not None:
            return end.end() - at
    if behind is not None:
        loose = LOOSE_END.search(bytes(data[at:until]))
        return NEVER if loose is None else loose.end()
    return MORE if len(data) < limit else NEVER


def hex_size(data: Bytes, at: int) -> int:
    """A HEX frame ends in 0D 0A behind the right CRC: not all of them state their length."""
    limit = at + HEX_MOST
    end = data.find(b"\r\n", at + HEX_MARK + HEX_TAIL, limit)
    while end >= 0:
        content = bytes(data[at + HEX_MARK : end - 2])
        if crc16_ccitt_false(content) == int.from_bytes(data[end - 2 : end], "big"):
            return end + 2 - at
        end = data.find(b"\r\n", end + 1, limit)
    return MORE if len(data) < limit else NEVER


def air_size(data: Bytes, at: int) -> int:
    """An air frame states its whole length."""
    if len(data) < at + 4:
        return MORE
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    return length if AIR_LEAST <= length <= AIR_MOST else NEVER


def fault(frame: bytes) -> str:
    """A right text frame is printable; an air frame has the right CRC; HEX was found by its CRC."""
    if frame[1] == 0:
        right = frame[-1] == 0x24 and crc8_nrsc5(frame[:-2]) == frame[-2]
        return "" if right else "checksum"
    if not is_text(frame, 0):
        return ""
    if not TEXT_HEAD.match(frame):
        return "field"
    return "field" if CONTROL.search(frame, 0, len(frame) - 1) else ""


FRAMING = Framing(START, size, fault, PATIENCE_S)


def probe(data: bytes) -> Match:
    """Whether a connection or a datagram that begins so is Queclink's: the head of a text frame,
    also behind a damaged one; a HEX or an air frame with the right CRC, or the head of an air
    frame that is longer than what a probe sees.
    """
    if TEXT_HEAD.search(data, 0, PROBE_LIMIT):
        return Match.YES
    marked = False
    at = FRAMING.next_start(data, 0)
    while at < min(len(data), PROBE_LIMIT):
        marked = marked or data[at : at + 1] == b"+"
        if FRAMING.whole(data, at) == "" and not is_text(data, at):
            return Match.YES
        if at == 0 and _is_air_head(data):
            return Match.YES
        at = FRAMING.next_start(data, at + 1)
    return Match.MORE if marked or not data else Match.NO


def _is_air_head(data: bytes) -> bool:
    """Mark, a length beyond what a probe sees, no flags, and an IMEI in BCD."""
    if len(data) < PROBE_LIMIT or data[1] or data[4]:
        return False
    digits = data[5:13].hex()
    return air_size(data, 0) > PROBE_LIMIT and digits.isdecimal() and digits[0] == "0"


# Models by their device type, the first two digits of the protocol version (six on new models).
# The name in small letters is the password that a device is shipped with.
MODELS: Mapping[str, str] = {
    "02": "gl200",
    "04": "gv200",
    "06": "gv300",
    "08": "gmt100",
    "0F": "gv55",
    "10": "gv55",
    "11": "gl500",
    "1A": "gl300",
    "1F": "gv500",
    "21": "gl200",
    "25": "gv300",
    "27": "gv300w",
    "28": "gl300vc",
    "2C": "gl300w",
    "2F": "gv55",
    "30": "gl300",
    "31": "gv65",
    "35": "gv200",
    "36": "gv500",
    "38": "gv65",
    "3F": "gmt100",
    "40": "gl500",
    "41": "gv75w",
    "42": "gt501",
    "44": "gl530",
    "45": "gb100",
    "50": "gv55w",
    "5E": "gv500map",
    "6E": "gv310lau",
    "BD": "cv200",
    "C2": "gv600m",
    "C3": "gl320m",
    "DC": "gv600mg",
    "DE": "gl500m",
    "DF": "cv100lg",
    "F1": "gv350m",
    "F5": "gl300m",
    "F8": "gv800w",
    "802004": "gv58lau",
    "802005": "gv355ceu",
    "80201E": "gv30ceu",
}

# Carried by people and things: they report their battery, and no ignition.
PERSONAL = frozenset(
    {"02", "07", "11", "1A", "21", "28", "2C", "30", "40", "42", "44", "C3", "DE", "F5"}
)

# Commands sent and not answered yet: a device that never answers must not fill memory.
UNANSWERED_MOST = 16


def device_type(version: str) -> str:
    """The device type in a protocol version: two digits of six, or six of ten."""
    return version[:6].upper() if len(version) == 10 else version[:2].upper()


class Link:
    """What one connection knows: the device's type, and which commands are unanswered."""

    __slots__ = ("_unanswered", "device_type", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.device_type = ""
        self._unanswered: dict[int, None] = {}

    def password(self) -> str:
        """Option `queclink_password`, else what the model is shipped with. Raises CommandError."""
        stated = self.session.options.get("queclink_password")
        password = MODELS.get(self.device_type) if stated is None else str(stated)
        if password is None:
            raise CommandError(
                "queclink: the password of this model is not known; set queclink_password",
                value=self.device_type,
            )
        return password

    def ask(self, command: Command) -> str:
        """The serial of a command that is sent now: its reference in four hex digits."""
        if len(self._unanswered) >= UNANSWERED_MOST:
            del self._unanswered[next(iter(self._unanswered))]
        self._unanswered[command.reference] = None
        return f"{command.reference:04X}"

    def answered(self, serial: str) -> int | None:
        """The reference of the command that had this serial, once."""
        try:
            reference = int(serial, 16)
        except ValueError:
            return None
        known = reference in self._unanswered
        self._unanswered.pop(reference, None)
        return reference if known else None
