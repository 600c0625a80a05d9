"""Messages of JT701 locks, which come on the same port in the same frames.

Worked out from frames of several devices: no text of the protocol is public.
"""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Message, Notice, Positions
from tracker.protocols.checks import xor8
from tracker.protocols.fields import (
    bcd,
    cell,
    check_coordinates,
    text,
    to_bcd_time,
    unix_time,
)
from tracker.protocols.jt808.link import Link
from tracker.protocols.jt808.messages import Handler
from tracker.protocols.jt808.wire import MARK, TEXT_LINE, Frame, escape
from tracker.protocols.stream import handles

HANDLERS: dict[int, Handler] = {}

ANSWER = b"\x44\x01"
WANTS_ANSWER = 0x8000  # attribute bit 15
KNOT_KMH = 1.852
BODY_LEAST = 30


@handles(HANDLERS, 0x5501, 0x5502)
def lock_position(link: Link, frame: Frame) -> Message:
    """5501 now, 5502 stored: time BCD DDMMYYhhmmss (UTC), latitude BCD ddmm.mmmm, longitude BCD
    dddmm.mmmm and flags in its last nibble (bit 0 fixed, 1 north, 2 east), speed u8 knots,
    course u8 2°, CSQ u8, satellites u8, mileage u32 km, battery u8 percent, cell id u32, LAC u16.
    """
    body = frame.body
    if len(body) < BODY_LEAST:
        raise IndexError("position of a lock cut off")
    day, month, year, hour, minute, second = (int(body[at : at + 1].hex()) for at in range(6))
    lat_digits, lon_digits = bcd(body[6:10]), body[10:15].hex()
    flags = int(lon_digits[9], 16)
    lat = degrees(lat_digits, 2) * (1 if flags & 2 else -1)
    lon = degrees(lon_digits[:9], 3) * (1 if flags & 4 else -1)
    check_coordinates(lat, lon)
    attributes: dict[str, Any] = {
        "signal_csq": body[17],
        "odometer_m": int.from_bytes(body[19:23], "big") * 1000,
        "battery_percent": body[23],
    }
    cid, lac = int.from_bytes(body[24:28], "big"), int.from_bytes(body[28:30], "big")
    if cid or lac:
        attributes["cells"] = [cell(0, 0, lac, cid)]
    attributes["extra"] = body[30:].hex()
    offset_s = link.session.utc_offset_s or 0
    fix = Fix(
        fix_time=unix_time(2000 + year, month, day, hour, minute, second) - offset_s,
        lat=lat,
        lon=lon,
        speed_kmh=round(body[15] * KNOT_KMH, 1),
        course_deg=float(body[16] * 2 % 360),
        valid=bool(flags & 1),
        stored=frame.message == 0x5502,
        satellites=body[18],
        attributes=attributes,
    )
    return Positions(lock_answer(frame), durable=True, fixes=(fix,))


@handles(HANDLERS, TEXT_LINE)
def text_line(link: Link, frame: Frame) -> Message:
    """(identity,1,001,BASE,2,TIME): asks for the time; answered with it in place of TIME."""
    line = frame.body
    if not line.endswith(b",BASE,2,TIME"):
        return Notice(kind="text", attributes={"text": text(line)})
    now = b"20" + to_bcd_time(link.session.now).hex().encode()
    return Heartbeat(b"(" + line.removesuffix(b"TIME") + now + b")")


def degrees(digits: str, whole: int) -> float:
    """Degrees from ddmmmmmm or dddmmmmmm: whole degrees, then minutes in ten-thousandths."""
    return int(digits[:whole]) + int(digits[whole:]) / 600_000


def lock_answer(frame: Frame) -> bytes:
    """4401: id u16 of the answered message, result u8; serial u8 as in the message."""
    if not frame.attributes & WANTS_ANSWER:
        return b""
    content = ANSWER + b"\0\3" + frame.head.phone + bytes((frame.serial,))
    content += frame.message.to_bytes(2, "big") + b"\0"
    return MARK + escape(content + bytes((xor8(content),))) + MARK
