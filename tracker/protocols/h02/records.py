"""Records of H02: $ with identity, X and Y without. All BCD, unless stated otherwise.

| offset | size | content                                                                    |
|--------|------|----------------------------------------------------------------------------|
| 0      | 1    | $ (24), X (58), Y (59)                                                     |
| 1      | 5    | $: identity, ten digits (8 bytes, 15 digits, in the record of 42)          |
|        |      | X: mileage, units of 0.51444 m; Y: two analog values u16, a byte unused    |
| 6      | 3    | hour, minute, second, UTC                                                  |
| 9      | 3    | day, month, year                                                           |
| 12     | 4    | latitude DDmm.mmmm                                                         |
| 16     | 1    | battery u8 (see status.py); X: twice the temperature without sign, FF none |
| 17     | 5    | longitude DDDmm.mmmm, then four flags: 3 east, 2 north, 1 valid            |
| 22     | 3    | speed in knots, three digits; course in degrees, three digits              |
| 25     | 4    | status, binary (see status.py)                                             |
| 29     | 2    | alarms of the user, binary                                                 |

32 bytes end in a counter, unless a tail of 13 follows. Then 31 is the GSM strength 0-31, and the
tail, binary: 0 satellites u8 | 1 mileage u32 km | 5 MCC u16 | 7 MNC u8 | 8 LAC u16 | 10 cell u16 |
12 counter.
Source: docs/protocols/h02.md.
"""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.protocols.base import Message
from tracker.protocols.fields import bcd
from tracker.protocols.h02.status import level_percent, read_status
from tracker.protocols.h02.wire import (
    LONG_BASE,
    RECORD,
    SHORT_BASE,
    TAILED_RECORD,
    Link,
    record_base,
)
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textfields import KNOT_KMH, degrees, dmy, station

EAST, NORTH, VALID, BELOW_ZERO = 8, 4, 2, 1
X_UNIT_M = 0.51444
NO_TEMPERATURE = 0xFF
CSQ_MOST = 31
# Beyond these the tail is something else.
SATELLITES_MOST = 63
MILEAGE_MOST_KM = 10_000_000
MCC_MOST = 799


def record(link: Link, frame: bytes) -> Outcome:
    """One record. Those without identity belong to the device that was heard last."""
    if frame[0] != 0x24:
        if link.session.ident is None:
            raise DecodeError("login", "h02: a record without identity before one with", frame)
        return report(link, frame, SHORT_BASE)
    base = record_base(frame, 0)
    stated = frame[1:9].hex()[:15] if base == LONG_BASE else bcd(frame[1:SHORT_BASE])
    link.spoken = link.spoken or stated
    return after_login(link.session, link.name(stated), lambda: report(link, frame, base))


def report(link: Link, frame: bytes, base: int) -> Message:
    """What a record says; it is not answered. `base` is where its time stands."""
    said = Report(alarms=())
    digits = frame[base:].hex()
    flags = int(digits[31], 16)
    if digits[6:12] != "000000":
        said.time = link.session.utc(dmy(digits[6:12], digits[:6]))
    said.lat = degrees(f"{digits[12:16]}.{digits[16:20]}", "N" if flags & NORTH else "S")
    said.lon = degrees(f"{digits[22:27]}.{digits[27:31]}", "E" if flags & EAST else "W")
    said.valid = bool(flags & VALID) and said.time is not None
    said.speed_kmh = int(digits[32:35]) * KNOT_KMH
    said.course_deg = float(int(digits[35:38]) % 360)
    read_status(int(digits[38:46], 16), said, link.bits)
    extras(frame, frame[base + 10], flags, said)
    if frame[base + 23] != 0xFF:
        said.attributes["user_alarms"] = frame[base + 23]
    if len(frame) == TAILED_RECORD:
        if frame[31] <= CSQ_MOST:
            said.attributes["signal_csq"] = frame[31]
        read_tail(frame[RECORD:], said)
    return said.message(link.session.now)


def extras(frame: bytes, value: int, flags: int, said: Report) -> None:
    """What the three kinds of record have in place of each other; `value` is byte 16."""
    if frame[0] == 0x58:
        said.attributes["odometer_m"] = round(int(bcd(frame[1:6])) * X_UNIT_M)
        if value != NO_TEMPERATURE:
            said.attributes["temperature_c"] = value / (-2 if flags & BELOW_ZERO else 2)
        return
    percent = level_percent(value)
    if percent is not None:
        said.attributes["battery_percent"] = percent
    if frame[0] == 0x59:
        first, second = struct.unpack_from(">HH", frame, 1)
        said.attributes |= {"adc1": first, "adc2": second}
        if second:
            said.attributes["fuel_percent"] = round(100 * first / second, 1)


def read_tail(tail: bytes, said: Report) -> bool:
    """The tail of a record; False if it cannot be one."""
    satellites, mileage_km, mcc, mnc, lac, cid = struct.unpack_from(">BIHBHH", tail)
    if mileage_km > MILEAGE_MOST_KM or mcc > MCC_MOST:
        return False
    if satellites <= SATELLITES_MOST:
        said.satellites = satellites
    if mileage_km:
        said.attributes["odometer_m"] = mileage_km * 1000
    if lac or cid:
        said.attributes["cells"] = [station(mcc, mnc, lac, cid)]
    return True


def late_tail(tail: bytes) -> Message | None:
    """A tail that came when its record was out already, as the first one of a device does."""
    said = Report()
    return said.message(0.0) if read_tail(tail, said) else None
