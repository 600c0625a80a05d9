"""The bodies of short and extended data, and the parameters behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.fields import cell, check_coordinates, unix_time

SHORT, EXTENDED = 10, 16  # fields of a body
GREATEST = 1e15  # of any number: a double is exact up to there
VALID_LEAST = 3  # satellites of a fix; a device that does not count them, but dates it, is believed
UNSET = "000000"  # the date of a clock that was never set

MISSING = frozenset({"", "NA", "na"})
NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d*)?|\.\d+)", re.ASCII)
ANGLE = re.compile(
    r"(\d{0,3}?)(\d{1,2}(?:\.\d*)?)", re.ASCII
)  # degrees, then two digits of minutes

# The kinds of DecodeError that a body can raise, by what is wrong with it.
STRUCTURE, TIME, PLACE, MOTION, SATELLITES = "length", "time", "place", "motion", "satellites"
PORTS, ANALOG, PARAMETERS = "ports", "analog", "parameters"


class Point(NamedTuple):
    """What a body says; `fix` is None where it has no coordinates."""

    fix: Fix | None
    ignition: bool | None
    alarms: tuple[str, ...]
    attributes: dict[str, Any]


def number(field: str, kind: str) -> float | None:
    """A decimal number; None for "not available". Raises DecodeError of `kind`."""
    if field in MISSING:
        return None
    if NUMBER.fullmatch(field) is None:
        raise DecodeError(kind, f"wialon: {field[:32]!r} is not a number")
    value = float(field)
    if abs(value) > GREATEST:
        raise DecodeError(kind, f"wialon: {field[:32]!r} is too great")
    return value


def whole(field: str, kind: str) -> int | None:
    """A whole number, as `number`."""
    value = number(field, kind)
    return None if value is None else int(value)


def is_dated(date: str, clock: str) -> bool:
    """Whether a time is stated: "NA", and a date of zeros, are the time of reception."""
    return not (date in MISSING or clock in MISSING or date == UNSET)


def time(date: str, clock: str) -> float:
    """DDMMYY and HHMMSS with perhaps a fraction, UTC."""
    seconds, _, fraction = clock.partition(".")
    if len(date) != 6 or len(seconds) != 6 or not (date + seconds + fraction).isdecimal():
        raise DecodeError(TIME, f"wialon: {date[:8]} {clock[:16]} is not a time")
    day, month, year = int(date[0:2]), int(date[2:4]), int(date[4:6])
    hour, minute, second = int(seconds[0:2]), int(seconds[2:4]), int(seconds[4:6])
    try:
        moment = unix_time(2000 + year, month, day, hour, minute, second)
    except DecodeError as error:
        raise DecodeError(TIME, error.message) from None
    return moment + (float(f"0.{fraction}") if fraction else 0.0)


def degrees(field: str, side: str) -> float | None:
    """DDMM.MMMM or DDDMM.MMMM and the letter of the half; None for "not available"."""
    if field in MISSING:
        return None
    found = ANGLE.fullmatch(field)
    side = side.upper()
    if found is None or side not in ("N", "S", "E", "W"):
        raise DecodeError(PLACE, f"wialon: {field[:32]!r} {side[:2]!r} is not an angle")
    angle = int(found[1] or 0) + float(found[2]) / 60
    return -angle if side in "SW" else angle


def read(body: str, now: float, *, stored: bool = False) -> Point:
    """Date; time; latitude; N|S; longitude; E|W; speed km/h; course; altitude m; satellites; and
    in extended data: HDOP; inputs; outputs; analog inputs; driver; parameters.

    Any field may be NA or empty. Raises DecodeError whose kind says which field is wrong.
    """
    fields = [field.strip() for field in body.split(";")]
    count = len(fields)
    if count < SHORT or count > EXTENDED:
        raise DecodeError(STRUCTURE, f"wialon: {count} fields")
    stated = is_dated(fields[0], fields[1])
    moment = time(fields[0], fields[1]) if stated else now
    lat, lon = degrees(fields[2], fields[3]), degrees(fields[4], fields[5])
    speed, course, altitude = (number(field, MOTION) for field in fields[6:9])
    satellites = whole(fields[9], SATELLITES)
    if satellites is not None and satellites < 0:
        satellites = None  # "not counted" in some makes
    more = Extended()
    if count > SHORT:
        more.read(fields[SHORT:])
    if lat is None or lon is None:
        more.attributes["report_time"] = moment
        if satellites is not None:
            more.attributes["satellites"] = satellites
        return Point(None, more.ignition, more.alarms, more.attributes)
    try:
        check_coordinates(lat, lon)
    except DecodeError as error:
        raise DecodeError(PLACE, error.message) from None
    fix = Fix(
        fix_time=moment,
        lat=lat,
        lon=lon,
        speed_kmh=speed if speed is None or speed >= 0 else None,
        course_deg=course % 360 if course is not None and course >= 0 else None,
        altitude_m=altitude,
        valid=stated if satellites is None else satellites >= VALID_LEAST,
        stored=stored,
        satellites=satellites,
        ignition=more.ignition,
        alarms=more.alarms,
        attributes=more.attributes,
    )
    return Point(fix, more.ignition, more.alarms, more.attributes)


class Extended:
    """The fields of extended data behind those of short data."""

    __slots__ = ("alarms", "attributes", "ignition")

    def __init__(self) -> None:
        self.ignition: bool | None = None
        self.alarms: tuple[str, ...] = ()
        self.attributes: dict[str, Any] = {}

    def read(self, fields: Sequence[str]) -> None:
        """HDOP; inputs; outputs; analog inputs, perhaps several; driver; parameters."""
        hdop, inputs, outputs, analog, driver, parameters = (*fields, "", "", "", "", "", "")[:6]
        self._keep("hdop", number(hdop, SATELLITES))
        self._keep("inputs", whole(inputs, PORTS))
        self._keep("outputs", whole(outputs, PORTS))
        if analog not in MISSING:
            for index, field in enumerate(analog.split(","), start=1):
                self._keep(f"adc{index}", number(field.strip(), ANALOG))
        if driver not in MISSING:
            self.attributes["driver_id"] = driver
        if parameters not in MISSING:
            self._read_parameters(parameters)

    def _keep(self, name: str, value: float | None) -> None:
        if value is not None:
            self.attributes[name] = value

    def _read_parameters(self, text: str) -> None:
        """Comma list of name:type:value; those with a meaning of their own are read, the rest is
        kept as it is.
        """
        found: dict[str, Any] = {}
        for entry in text.split(",", PARAMETERS_MOST)[:PARAMETERS_MOST]:
            name, value = parameter(entry)
            if name:
                found[name] = value
        if found.pop("SOS", 0) == 1:
            self.alarms = ("sos",)
        if isinstance(found.get("text"), str):
            self.attributes["text"] = found.pop("text")
        for name in ("ignition", "ign"):
            if isinstance(found.get(name), int):
                self.ignition = bool(found.pop(name))
        for name, (attribute, least, most) in KNOWN.items():
            value = found.get(name)
            if isinstance(value, int | float) and least <= value <= most:
                self.attributes[attribute] = found.pop(name)
        cells = take_cells(found)
        if cells:
            self.attributes["cells"] = cells
        if found:
            self.attributes["parameters"] = found


# Names that devices use by habit, with the range in which they can mean nothing else.
KNOWN: Mapping[str, tuple[str, float, float]] = {
    "pwr_ext": ("external_v", 0, 100),
    "pwr_int": ("battery_v", 0, 30),
    "odometer_m": ("odometer_m", 0, 1e10),
}

# Parameters of one message: more than any device sends, few enough to store with a position.
PARAMETERS_MOST = 256
DIGITS_MOST = 18  # of a number; a longer one is kept as text
WORDS_MOST = 256  # characters of one value


def parameter(entry: str) -> tuple[str, Any]:
    """Name and value of name:type:value; the value as text where it is not of its type (1 whole
    number, 2 number, 3 text). An entry without three parts has no name.
    """
    parts = entry.split(":", 2)
    if len(parts) < 3:
        return ("", None)
    name, kind, value = [part.strip()[:WORDS_MOST] for part in parts]
    if kind in ("1", "2") and len(value) <= DIGITS_MOST and NUMBER.fullmatch(value):
        return name, float(value) if kind == "2" or "." in value else int(value)
    return name, value


CELL = "cell_id"
CELL_NAMES = ("mcc", "mnc", "lac", CELL)
CELL_SUFFIXES = ("", *(str(index) for index in range(1, 16)))


def take_cells(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Take base stations out of the parameters: mcc, mnc, lac, cell_id, then mcc1 and so on."""
    stated = {name[len(CELL) :] for name in found if name.startswith(CELL)}
    cells: list[dict[str, Any]] = []
    for suffix in (suffix for suffix in CELL_SUFFIXES if suffix in stated):
        names = [name + suffix for name in CELL_NAMES]
        if all(isinstance(found.get(name), int) for name in names):
            mcc, mnc, lac, cid = (found.pop(name) for name in names)
            cells.append(cell(mcc, mnc, lac, cid))
    return cells
