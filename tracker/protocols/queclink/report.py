"""A text report of Queclink devices: its fields, and the positions that can be found in them.

Field lists differ between models and firmware, but each position is a block in which longitude,
latitude and time stand side by side, and the report ends in send time and count. So positions are
found by their shape; what stands in front of the first is the head, what stands behind the last
the tail. Reports of an unknown kind are read just so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.fields import access_point, cell, check_coordinates, unix_time
from tracker.protocols.queclink.wire import PERSONAL, TEXT_HEAD, device_type

IDENT = re.compile(r"[0-9]{15}|[0-9A-Fa-f]{14}")
IMEI = re.compile(r"[0-9]{15}")
VERSION = re.compile(r"[0-9A-Za-z]{6}|[0-9A-Za-z]{10}")
VIN_SIZE = 17

LON = re.compile(r"-?[0-9]{1,3}\.[0-9]{5,7}")
LAT = re.compile(r"-?[0-9]{1,2}\.[0-9]{5,7}")
NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,4})?")
MILEAGE = re.compile(r"[0-9]{1,9}\.[0-9]{1,2}")
HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
MAC_DIGITS = 12
MAC = re.compile(r"[0-9A-Fa-f]{12}")
LEAST_COORDINATE = 7  # characters of the shortest coordinate: 0.00000

# Reports of the vehicle's bus, which repeat the place beside it.
BESIDE = frozenset({"CAN"})

MCC_MOST = 999
SATELLITES_MOST = 99
FIXES_MOST = 100  # positions of one report: devices send up to 15


def moment(digits: str) -> float | None:
    """YYYYMMDDHHMMSS in UTC; None for anything else, zeros included."""
    if len(digits) != 14 or not digits.isdecimal() or digits[:4] == "0000":
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    return unix_time(year, month, day, int(digits[8:10]), int(digits[10:12]), int(digits[12:14]))


def number(field: str) -> float | None:
    """A decimal number; None for anything else."""
    return float(field) if NUMBER.fullmatch(field) else None


def whole(field: str, most: int) -> int | None:
    """A whole number from 0 to `most`; None for anything else."""
    if not field.isdecimal() or len(field) > 9:
        return None
    value = int(field)
    return value if value <= most else None


class Report:
    """One text report, while it is being read.

    `source` is RESP, BUFF or ACK. `body` is what stands between the device's name and the send
    time. `alarms` None says nothing of alarms. `fixes` want nothing but what the report says beyond
    its positions.
    """

    __slots__ = (
        "alarms",
        "attributes",
        "body",
        "count",
        "device_type",
        "fixes",
        "head",
        "ident",
        "ignition",
        "is_old",
        "kind",
        "satellites",
        "source",
        "tail",
        "version",
    )

    def __init__(self, frame: bytes) -> None:
        head = TEXT_HEAD.match(frame)
        assert head is not None  # noqa: S101 - it was cut by this head
        self.source, self.kind = head["source"].decode(), head["kind"].decode()
        fields = frame[head.end() :].rstrip(b"$\0\r\n").decode("utf-8", "replace").split(",")
        if len(fields) < 4:
            raise DecodeError("length", f"queclink: {len(fields)} fields", frame)
        self.is_old = IMEI.fullmatch(fields[0]) is not None
        name = ""
        if self.is_old:
            self.version, self.ident = fields[-1], fields[0]
            self.count, self.body = fields[-2], fields[1:-2]
        else:
            self.version, self.ident, name = fields[:3]
            self.count, self.body = fields[-1], fields[3:-2]
            if self.version and not VERSION.fullmatch(self.version):
                raise DecodeError("field", f"queclink: version {self.version[:20]!r}", frame)
        if not IDENT.fullmatch(self.ident):
            raise DecodeError("field", f"queclink: identity {self.ident[:20]!r}", frame)
        self.device_type = device_type(self.version)
        self.ignition: bool | None = None
        self.alarms: list[str] | None = None
        self.satellites: int | None = None
        self.fixes: list[partial[Fix]] = []
        self.head: Sequence[str] = self.body
        self.tail: Sequence[str] = ()
        self.attributes: dict[str, Any] = {"report": self.kind}
        self._sent("" if self.is_old else fields[-2])
        if len(name) == VIN_SIZE and name.isalnum():
            self.attributes["vin"] = name

    def _sent(self, stated: str) -> None:
        """The send time. Its clock may never have been set: that costs no position."""
        try:
            sent = moment(stated)
        except DecodeError:
            return
        if sent is not None:
            self.attributes["report_time"] = sent

    @property
    def is_personal(self) -> bool:
        """Whether the device is carried, rather than built in."""
        return self.is_old or self.device_type in PERSONAL

    @property
    def is_stored(self) -> bool:
        """Whether the report waited in the device's memory."""
        return self.source == "BUFF"

    def alarm(self, name: str | None) -> None:
        """Add the name of an alarm; None stands for "no alarm"."""
        if self.alarms is None:
            self.alarms = []
        if name is not None and name not in self.alarms:
            self.alarms.append(name)

    def keep(self, name: str, value: Any) -> None:
        """Set an attribute, unless there is no value."""
        if value is not None:
            self.attributes[name] = value


def find_places(body: Sequence[str]) -> list[int]:
    """Where longitude, latitude and time stand side by side: the indices of the longitudes."""
    found: list[int] = []
    for at in range(len(body) - 2):
        field = body[at]
        if (
            len(field) >= LEAST_COORDINATE
            and "." in field
            and LON.fullmatch(field)
            and LAT.fullmatch(body[at + 1])
            and len(body[at + 2]) == 14
            and body[at + 2].isdecimal()
        ):
            found.append(at)
    return found[:FIXES_MOST]


def read_places(report: Report) -> None:
    """Find the positions; set head, tail and what the report says of radio and satellites.

    A block is accuracy, speed km/h, course, altitude m, longitude, latitude, UTC, MCC, MNC, LAC
    hex, cell id hex, then a field that is empty or reserved, or mileage, or says what is appended.
    """
    body = report.body
    found = find_places(body)
    if not found:
        read_without_place(report)
        return
    ahead = 5 if report.is_old else 4
    report.head = body[: max(0, found[0] - ahead)]
    last = found[-1]
    report.tail = _tail(report, last + 7)
    for at in found:
        fix = _fix(report, at, is_last=at == last)
        if fix is not None:
            report.fixes.append(fix)


def _tail(report: Report, at: int) -> Sequence[str]:
    """What stands behind the last block, whose last field is at `at`."""
    body = report.body
    eighth = body[at] if at < len(body) else ""
    if MILEAGE.fullmatch(eighth):
        report.attributes["odometer_m"] = round(float(eighth) * 1000)
    elif eighth == "01" and not report.is_personal:
        # Bit 0 of what is appended: the number of satellites.
        report.satellites = whole(body[at + 1], SATELLITES_MOST) if at + 1 < len(body) else None
        return body[at + 2 :]
    _read_wifi(report, body[at:])
    return body[at + 1 :]


def _read_wifi(report: Report, fields: Sequence[str]) -> None:
    """MAC and strength in dBm side by side, as often as they come."""
    found = []
    for mac, strength in pairwise(fields):
        if len(mac) != MAC_DIGITS or not MAC.fullmatch(mac):
            continue
        if strength.startswith("-") and strength[1:].isdecimal():
            found.append(access_point(bytes.fromhex(mac), int(strength)))
    if found:
        report.attributes["wifi"] = found


def read_station(fields: Sequence[str]) -> dict[str, Any] | None:
    """MCC, MNC, LAC hex, cell id hex; None where there is none."""
    if len(fields) < 4:
        return None
    mcc, mnc = whole(fields[0], MCC_MOST), whole(fields[1], MCC_MOST)
    if mcc is None or mnc is None or not (HEX.fullmatch(fields[2]) and HEX.fullmatch(fields[3])):
        return None
    lac, cid = int(fields[2], 16), int(fields[3], 16)
    return cell(mcc, mnc, lac, cid) if lac or cid else None


def _fix(report: Report, at: int, *, is_last: bool) -> partial[Fix] | None:
    """The position whose longitude is at `at`. What the report says beyond it goes to the last.

    Accuracy 0 stands for the last known place, with the time at which it was fixed: the position
    holds for that time. (Vehicles at speed were seen to send it with fresh ones as well.) Where a
    report is about something else and repeats that place beside it, it is no fix of its own.
    """
    body = report.body
    fields = ["", "", "", "", "", *body[max(0, at - 5) : at]]
    if report.is_old:  # fixed, speed, course, altitude, accuracy
        has_fix, speed, course, altitude, accuracy = fields[-5:]
        hdop = number(accuracy)
        is_repeated = has_fix == "0"
    else:
        accuracy, speed, course, altitude = fields[-4:]
        hdop = number(accuracy)
        is_repeated = hdop == 0
    time = moment(body[at + 2])
    if time is None:
        return None
    lon, lat = float(body[at]), float(body[at + 1])
    check_coordinates(lat, lon)
    attributes = report.attributes if is_last else {"report": report.kind}
    station = read_station(body[at + 3 : at + 7])
    if station is not None:
        attributes["cells"] = [station]
    if is_repeated:
        attributes["accuracy"] = 0
    elif hdop is not None:
        attributes["hdop"] = hdop
    turn = number(course)
    return partial(
        Fix,
        fix_time=time,
        lat=lat,
        lon=lon,
        speed_kmh=number(speed),
        course_deg=turn % 360 if turn is not None else None,
        altitude_m=number(altitude),
        valid=not (is_repeated and report.kind in BESIDE),
        stored=report.is_stored,
        attributes=attributes,
    )


def read_without_place(report: Report) -> None:
    """A report without coordinates: base station and access points, which help to place it."""
    body = report.body
    for at in range(len(body) - 3):
        # Longitude, latitude and time are empty; the station stands behind them.
        if body[at] == "" and len(body[at + 1]) >= 3:
            station = read_station(body[at + 1 : at + 5])
            if station is not None and len(body[at + 3]) >= 3:
                report.attributes["cells"] = [station]
                report.head = body[: max(0, at - 6)]
                report.tail = body[at + 6 :]
                break
    _read_wifi(report, body)
