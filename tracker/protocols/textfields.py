"""Readers of fields that text protocols share.

Each reader takes the text of one field and returns a plain value, None for an empty field, or
raises DecodeError of kind `field`. They are strict: only digits, one sign and one point are a
number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, cell, check_course, unix_time

KNOT_KMH = 1.852
DAY_S = 86_400
WHOLE_DIGITS = 18  # of a whole number: what 64 bits hold
GREATEST = 1e15  # of any number: a double is exact up to there, and no quantity is greater
CLOCKS_KEPT = 512  # read once: what reports come with is the last seconds, from many devices
EXTRA_MOST = 128  # characters kept of what is not understood: enough to study a variant

NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*", re.ASCII)
# Degrees and minutes without a mark between them: the last two whole digits are minutes.
MINUTES = re.compile(r"\s*(-?)(\d+)(\.\d*)?\s*", re.ASCII)
CLOCK = re.compile(r"(\d\d)(\d\d)(\d\d)(\.\d*)?", re.ASCII)
NEGATIVE = {"": False, "N": False, "E": False, "S": True, "W": True}
COUNT = re.compile(r"\s*(\d{1,3})(?:\.0*)?\s*", re.ASCII)
SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)


def bad(what: str, text: str) -> DecodeError:
    """The error of a field that cannot be read."""
    return DecodeError("field", f"{what} cannot be {text[:40]!r}", text.encode("utf-8", "replace"))


def number(text: str) -> float | None:
    """A decimal number; None for an empty field."""
    if NUMBER.fullmatch(text) is None:
        if text.strip():
            raise bad("a number", text)
        return None
    value = float(text)
    if not -GREATEST <= value <= GREATEST:
        raise bad("a number", text)
    return value


def amount(text: str) -> int | float | None:
    """A decimal number, whole where it is; None for an empty field."""
    value = number(text)
    return int(value) if value is not None and value.is_integer() else value


def amounts(names: Sequence[str], texts: Sequence[str]) -> dict[str, int | float]:
    """Numbers that matter less than the report they stand in: what is none is left out."""
    found: dict[str, int | float] = {}
    for name, text in zip(names, texts, strict=False):
        match = NUMBER.fullmatch(text)
        value = math.inf if match is None else float(match[1])
        if abs(value) <= GREATEST:
            found[name] = int(value) if value.is_integer() else value
    return found


def whole(text: str) -> int | None:
    """A whole number without a sign; None for an empty field."""
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > WHOLE_DIGITS:
        raise bad("a whole number", text)
    return int(digits)


def in_view(text: str) -> int | None:
    """How many satellites; None for what is no such number: it costs the report nothing."""
    found = COUNT.fullmatch(text)
    return None if found is None else int(found[1])


def knots(text: str) -> float | None:
    """A speed in km/h from a field in knots."""
    speed = number(text)
    return None if speed is None else round(speed * KNOT_KMH, 6)


def course(text: str) -> float | None:
    """A course in degrees, 0 up to 360."""
    angle = number(text)
    if angle is None:
        return None
    if angle < 0.0:
        raise bad("a course", text)
    return check_course(angle)


def degrees(text: str, hemisphere: str) -> float:
    """Degrees from ddmm.mmmm and one of NSEW, which may be missing; of any number of digits."""
    found = MINUTES.fullmatch(text)
    if found is None:
        raise bad("a coordinate", text)
    minus, digits, fraction = found.groups("")
    minutes = float(digits[-2:] + fraction)
    if minutes > 60.0:
        raise bad("minutes", text)
    value = int(digits[:-2] or 0) + minutes / 60.0
    return -value if minus else signed(value, hemisphere)


def signed(value: float, hemisphere: str) -> float:
    """A coordinate with the sign of its hemisphere; one that is negative already stays so."""
    negative = NEGATIVE.get(hemisphere)
    if negative is None:
        negative = NEGATIVE.get(hemisphere.strip().upper())
        if negative is None:
            raise bad("a hemisphere", hemisphere)
    return -value if negative and value > 0.0 else value


@lru_cache(maxsize=CLOCKS_KEPT)
def time_of_day(text: str) -> tuple[int, int, int, float]:
    """Hour, minute, second and the fraction of a second of hhmmss or hhmmss.sss."""
    found = CLOCK.fullmatch(text)
    if found is None:
        raise bad("a time", text)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    if hour > 23 or minute > 59 or second > 59:
        raise bad("a time", text)
    return hour, minute, second, float(f"0{found[4]}") if found[4] else 0.0


def moment(year: str, month: str, day: str, clock: str) -> float:
    """Unix seconds of a date, two digits each, and hhmmss[.sss], taken as UTC."""
    hour, minute, second, fraction = time_of_day(clock)
    date = (CENTURY + int(year), int(month), int(day))
    return unix_time(*date, hour, minute, second) + fraction


def dmy(date: str, clock: str) -> float:
    """Unix seconds of ddmmyy and hhmmss[.sss], taken as UTC."""
    if not SIX_DIGITS.fullmatch(date):
        raise bad("a date", date)
    return moment(date[4:], date[2:4], date[:2], clock)


def ymd(date: str, clock: str) -> float:
    """Unix seconds of yymmdd and hhmmss[.sss], taken as UTC."""
    if not SIX_DIGITS.fullmatch(date):
        raise bad("a date", date)
    return moment(date[:2], date[2:4], date[4:], clock)


def dated(date: str, clock: str, read: Callable[[str, str], float] = dmy) -> float | None:
    """What `read` makes of date and time of day; None where they are empty or zeros, which is what
    a clock says that no satellite has set yet.
    """
    return read(date, clock) if clock and date.strip("0") else None


def nearest(clock: str, now: float) -> float:
    """The moment with this time of day that is nearest to `now`: for reports without a date."""
    hour, minute, second, fraction = time_of_day(clock)
    of_day = hour * 3600 + minute * 60 + second + fraction
    day = round((now - of_day) / DAY_S)
    return day * DAY_S + of_day


def rx_dbm(level: int) -> int | None:
    """A strength in dBm from the two scales in use: GSM RXLEV 0 to 63, and dBm + 220.

    The second was found in reports that state both; None for a value of neither.
    """
    if 0 <= level <= 63:
        return level - 110
    return level - 220 if 100 <= level <= 199 else None


def station(mcc: int, mnc: int, lac: int, cid: int, level: int | None = None) -> dict[str, Any]:
    """One entry of the attribute `cells`, its strength given as in `rx_dbm`."""
    return cell(mcc, mnc, lac, cid, None if level is None else rx_dbm(level))
