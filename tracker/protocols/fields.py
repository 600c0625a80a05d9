"""Readers of the fields that many protocols share: BCD, times, coordinates, identities, text.

Each either returns a plain value in the unit of its name or raises DecodeError of kind `field`:
a frame whose checksum is right but whose content is impossible is refused, not repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tracker.errors import DecodeError

CENTURY = 2000  # two-digit years of trackers count from here: none is older
LAST_YEAR = CENTURY + 99
DAYS_KEPT = 512  # worked out once: reports are of today, batches of the last weeks


def bcd(data: bytes) -> str:
    """The digits of packed BCD, two per byte, leading zeros kept."""
    digits = data.hex()
    if not digits.isdecimal():
        raise DecodeError("field", "a nibble above 9 in a BCD field", data)
    return digits


def unix_time(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    """Unix seconds of a date in UTC; the year in full, at most 2099."""
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise DecodeError("field", f"impossible date: {hour}:{minute}:{second} is no time of day")
    return _day(year, month, day) + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=DAYS_KEPT)
def _day(year: int, month: int, day: int) -> float:
    """Unix seconds of the beginning of a day in UTC."""
    if year > LAST_YEAR:
        raise DecodeError("field", f"year {year} is not a date")
    try:
        return datetime(year, month, day, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise DecodeError("field", f"impossible date: {error}") from None


# Value of each byte read as two decimal digits; more than any of them where a nibble is above 9.
_NO_DIGITS = 0xFF
_TWO_DIGITS = bytes(
    high * 10 + low if high < 10 and low < 10 else _NO_DIGITS
    for high in range(16)
    for low in range(16)
)


def bcd_time(data: bytes) -> float | None:
    """Unix seconds of BCD[6] YYMMDDhhmmss taken as UTC; None for zeros, which mean "no date"."""
    year, month, day, hour, minute, second = data.translate(_TWO_DIGITS)
    if year == _NO_DIGITS:
        raise DecodeError("field", "a nibble above 9 in a BCD time", data)
    if not (year or month or day or hour or minute or second):
        return None
    return unix_time(CENTURY + year, month, day, hour, minute, second)


def to_bcd_time(unix_s: float) -> bytes:
    """BCD[6] YYMMDDhhmmss of a moment, in UTC."""
    return bytes.fromhex(datetime.fromtimestamp(unix_s, UTC).strftime("%y%m%d%H%M%S"))


def to_binary_time(unix_s: float) -> bytes:
    """Six bytes year-2000, month, day, hour, minute, second of a moment, in UTC."""
    moment = datetime.fromtimestamp(unix_s, UTC)
    date = (moment.year - CENTURY, moment.month, moment.day)
    return bytes((*date, moment.hour, moment.minute, moment.second))


def check_coordinates(lat: float, lon: float) -> None:
    """Latitude within -90..90 and longitude within -180..180 degrees, or DecodeError."""
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise DecodeError("field", f"no place on Earth: {lat} {lon}")


def check_course(course_deg: float) -> float:
    """A course within 0..360, where 360 is north as well; DecodeError beyond."""
    if course_deg > 360.0:
        raise DecodeError("field", f"course {course_deg} is not an angle")
    return course_deg if course_deg < 360.0 else 0.0


def luhn_digit(digits: str) -> str:
    """The check digit that belongs behind these digits (ISO/IEC 7812), as in an IMEI."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def is_imei(digits: str) -> bool:
    """Fifteen digits of which the last is the right check digit."""
    return len(digits) == 15 and digits.isdecimal() and luhn_digit(digits[:14]) == digits[14]


def text(data: bytes, encoding: str = "ascii") -> str:
    """What people can read of a text field: padding stripped, unreadable bytes marked."""
    return data.decode(encoding, "replace").strip("\0 \r\n\t")


def signal_dbm(value: int) -> int:
    """A received strength in dBm from a byte that states it signed, or without its sign."""
    return value - 256 if value > 127 else -value


EXTRA_MOST = 64  # undecoded bytes kept as hex: enough to study a variant, too few to flood


def extra(attributes: dict[str, Any], content: bytes, at: int) -> None:
    """The attribute `extra`: what stands behind what is known, if anything does."""
    if at < len(content):
        attributes["extra"] = content[at : at + EXTRA_MOST].hex()


RSSI_MOST = 1_000  # dBm either way: beyond it the number is none
STATION_MOST = (1 << 63) - 1  # of each number of a base station: 4G cells have 64 bits in GT06


def cell(mcc: int, mnc: int, lac: int, cid: int, rssi_dbm: int | None = None) -> dict[str, Any]:
    """One entry of the attribute `cells`: a base station that the device heard."""
    most = STATION_MOST
    if mcc > most or mnc > most or lac > most or cid > most:
        raise DecodeError("field", f"no base station: {mcc} {mnc} {lac} {cid}")
    entry: dict[str, Any] = {"mcc": mcc, "mnc": mnc, "lac": lac, "cid": cid}
    if rssi_dbm is not None and abs(rssi_dbm) <= RSSI_MOST:
        entry["rssi_dbm"] = rssi_dbm
    return entry


def temperatures(found: Mapping[int, float]) -> dict[str, Any]:
    """The attributes of thermometers, by their numbers from 1: `temperature_c` of the first that
    is there; `temperatures_c` of all, None for what is not, unless there is but number 1.
    """
    if not found:
        return {}
    said: dict[str, Any] = {"temperature_c": found[min(found)]}
    if found.keys() != {1}:
        said["temperatures_c"] = [found.get(number) for number in range(1, max(found) + 1)]
    return said


COUNT_DIGITS = 18  # of a whole number in a text: what 64 bits hold


def count(digits: str) -> int | None:
    """A whole number without a sign, of at most COUNT_DIGITS digits; None for anything else."""
    return int(digits) if digits.isdecimal() and len(digits) <= COUNT_DIGITS else None


def access_point(mac: bytes, rssi_dbm: int | None = None) -> dict[str, Any]:
    """One entry of the attribute `wifi`: an access point that the device heard."""
    entry: dict[str, Any] = {"mac": mac.hex(":")}
    if rssi_dbm is not None:
        entry["rssi_dbm"] = rssi_dbm
    return entry
