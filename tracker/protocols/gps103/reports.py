"""Reports of GPS103.

    0 imei: | 1 keyword | 2 yymmddhhmm[ss], local time | 3 telephone, card or percent | 4 F or L |
    5 hhmmss.sss UTC | 6 A or V | 7 ddmm.mmmm | 8 N or S | 9 dddmm.mmmm | 10 E or W | 11 knots |
    12 course | 13 altitude m | 14 ignition | 15 door | 16, 17 fuel in percent | 18 temperature °C

Without satellites (L) field 7 is the LAC and field 9 the cell, in hex. Fields from 12 on may be
missing. Source: docs/protocols/gps103.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker.errors import DecodeError
from tracker.protocols.base import Message, Notice, Reply
from tracker.protocols.gps103.keywords import SOS, is_confirmation, read_keyword
from tracker.protocols.gps103.wire import Link
from tracker.protocols.reports import Report, unplaced
from tracker.protocols.textfields import (
    DAY_S,
    amount,
    amounts,
    course,
    dated,
    degrees,
    knots,
    nearest,
    number,
    signed,
    time_of_day,
    whole,
    ymd,
)

Fields = Sequence[str]

LOCAL = re.compile(r"(\d{6})(\d{4})(\d\d)?", re.ASCII)
SLASHED = re.compile(r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
UTC_CLOCK = re.compile(r"\d{6}(?:\.\d*)?", re.ASCII)
HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
PHONE = re.compile(r"\+?\d{5,15}", re.ASCII)
HALF_DAY_S = DAY_S // 2
LEAST, FULL = 12, 19  # fields up to the speed; all of them


def report(link: Link, fields: Fields) -> Message:
    """A report of any keyword; with SOS it is answered, which stops its repetition."""
    keyword = fields[1]
    padded = [*fields, *[""] * (FULL - len(fields))]
    said = Report()
    third_field(keyword, padded[3].strip(), said)
    if padded[4] == "F" and padded[7] and padded[9]:
        located(link, padded, said)
    else:
        unlocated(link, padded, said)
    states(padded, said)
    read_keyword(keyword, said)
    sos = keyword.strip().lower() == SOS
    # Every model takes the answer to an SOS with the ; that it sends itself.
    answer = f"**,imei:{link.spoken},E;".encode("ascii") if sos else b""
    if not is_confirmation(keyword):
        return said.message(link.session.now, answer)
    fix = said.fix(link.session.now)
    return Reply(
        durable=True,
        reference=link.asked.answered(keyword.strip().lower()),
        success=True,
        text=keyword.strip(),
        fixes=(fix,) if fix is not None else (),
    )


def third_field(keyword: str, text: str, said: Report) -> None:
    """Field 3: the card that was shown, a percentage, or the telephone that rules the device."""
    if keyword.strip().lower() == "rfid":
        said.attributes["driver_id"] = text
    elif text.endswith("%"):
        said.attributes["fuel_percent"] = amount(text[:-1])
    elif PHONE.fullmatch(text):
        said.attributes["phone"] = text


def located(link: Link, fields: Fields, said: Report) -> None:
    """Fields 5 to 13 of a report with satellites. A hemisphere may stand before its angle."""
    lat, north, lon, east = fields[7:11]
    if lat in ("N", "S"):
        lat, north = north, lat
    if lon in ("E", "W"):
        lon, east = east, lon
    said.valid = fields[6] != "V"
    said.lat, said.lon = degrees(lat, north), degrees(lon, east)
    said.time = fix_time(link, fields[2], fields[5])
    said.speed_kmh, said.course_deg = knots(fields[11]), course(fields[12])
    said.altitude_m = amounts(("altitude",), fields[13:14]).get("altitude")


def unlocated(link: Link, fields: Fields, said: Report) -> None:
    """Fields 7 and 9 of a report without: the base station, of a network that is not told."""
    lac, cid = fields[7], fields[9]
    if HEX.fullmatch(lac) and HEX.fullmatch(cid):
        said.attributes["cells"] = [{"lac": int(lac, 16), "cid": int(cid, 16)}]
    local = local_time(fields[2])
    if local is not None:
        said.time = link.session.utc(local)


def local_time(text: str) -> float | None:
    """The device's local time as if it were UTC; None where it is not set or not told."""
    slashed = SLASHED.fullmatch(text)
    if slashed is not None:
        year, month, day, hour, minute, second = slashed.groups()
        return ymd(year + month + day, hour + minute + (second or "00"))
    found = LOCAL.fullmatch(text)
    if found is None or found[1] == "000000":
        return None
    return ymd(found[1], found[2] + (found[3] or "00"))


def fix_time(link: Link, local: str, clock: str) -> float | None:
    """UTC of a fix: the date is told in local time only, the time of day in UTC as well.

    Of the days around the local one that is taken in which the two differ by what the vehicle's
    record says, or else by no more than half a day: twelve hours apart, local is ahead, as in New
    Zealand. Without a time in UTC the record decides.
    """
    offset_s = link.session.utc_offset_s or 0
    stated = local_time(local)
    if UTC_CLOCK.fullmatch(clock) is None:
        return None if stated is None else stated - offset_s
    if stated is None:
        return nearest(clock, link.session.now)
    hour, minute, second, fraction = time_of_day(clock)
    of_day = hour * 3600 + minute * 60 + second
    # Seconds are left out of the comparison: they may be missing in the local time.
    ahead_s = (stated // 60 * 60) % DAY_S - of_day // 60 * 60
    day_s = stated // DAY_S * DAY_S
    if ahead_s - offset_s > HALF_DAY_S:
        day_s += DAY_S
    elif ahead_s - offset_s <= -HALF_DAY_S:
        day_s -= DAY_S
    return day_s + of_day + fraction


def states(fields: Fields, said: Report) -> None:
    """Fields 14 to 18. A trouble code stands in place of the second fuel."""
    if fields[14] in ("0", "1"):
        said.ignition = fields[14] == "1"
    if fields[15] in ("0", "1"):
        said.attributes["door_open"] = fields[15] == "1"
    for name, text in (("fuel_percent", fields[16]), ("fuel2_percent", fields[17])):
        if text.endswith("%") or "." in text:
            said.attributes |= amounts((name,), (text.rstrip("%"),))
        elif text.strip("-"):
            said.attributes["dtcs"] = text
    said.attributes |= amounts(("temperature_c",), fields[18:19])


def engine(link: Link, fields: Fields) -> Message:
    """OBD: local time, odometer km, fuel now, fuel on average, hours, speed km/h, load %, coolant
    °C, throttle %, revolutions, battery V, then trouble codes.
    """
    padded = [*fields, *[""] * (13 - len(fields))]
    local = local_time(padded[2])
    said = Report(time=link.session.utc(local))
    said.attributes |= amounts(ENGINE, [text.rstrip("%") for text in padded[3:13]])
    if "obd_odometer_m" in said.attributes:
        said.attributes["obd_odometer_m"] *= 1000
    codes = [code for code in fields[13:] if code]
    if codes:
        said.attributes["dtcs"] = ",".join(codes)
    return unplaced(b"", said.unplaced())


ENGINE = (
    "obd_odometer_m",
    "fuel_consumption_now",
    "fuel_consumption",
    "engine_hours",
    "obd_speed_kmh",
    "engine_load_percent",
    "coolant_c",
    "throttle_percent",
    "engine_rpm",
    "external_v",
)


def starred(link: Link, fields: Fields) -> Message:
    """The layout that ends in a star: name, event, sensor, voltage, hhmmss, ddmmyy, signal, fix,
    latitude, longitude, km/h, course, altitude, HDOP, satellites, ignition, charging, error.
    Dashes stand for what is not there.
    """
    if len(fields) < STARRED:
        raise DecodeError("length", f"gps103: {len(fields)} fields end in a star")
    fields = ["" if DASHES.fullmatch(field) else field for field in fields]
    said = Report(valid=fields[8] == "1")
    said.time = link.session.utc(dated(fields[6], fields[5]))
    said.lat, said.lon = signed_degrees(fields[9]), signed_degrees(fields[10])
    said.speed_kmh, said.course_deg = number(fields[11]), course(fields[12])
    said.altitude_m = number(fields[13])
    said.satellites = whole(fields[15])
    for name, text, read in (
        ("signal_csq", fields[7], whole),
        ("hdop", fields[14], number),
        ("external_v", fields[4], number),
    ):
        value = read(text)
        if value is not None:
            said.attributes[name] = value
    if fields[16] in ("0", "1"):
        said.ignition = fields[16] == "1"
    if fields[17] in ("0", "1"):
        said.attributes["charging"] = fields[17] == "1"
    if fields[2]:
        said.attributes["event"] = fields[2]
    return said.message(link.session.now)


STARRED = 19
DASHES = re.compile(r"-+")


def signed_degrees(text: str) -> float | None:
    """A coordinate in degrees with its sign; None for an empty field."""
    value = number(text)
    return None if value is None else signed(value, "")


def photograph(link: Link, fields: Fields) -> Message:  # noqa: ARG001
    """vr: a packet of a photograph in hex. Pictures are not kept."""
    data = "".join(fields[2:])
    attributes = {"media_type": "image", "size_bytes": len(data) // 2}
    return Notice(kind="media", attributes=attributes)
