"""What an AIS-140 frame says of a place and of the vehicle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, cell, count, unix_time
from tracker.protocols.reports import Report
from tracker.protocols.textfields import course, number, signed, whole

# Two letters of an event. IN and IF are the ignition, NR a normal report.
ALARMS = {
    "BD": "power_cut",
    "BL": "low_battery",
    "EA": "sos",
    "HA": "acceleration",
    "HB": "braking",
    "OS": "overspeed",
    "RT": "cornering",
    "TA": "tamper",
    "WD": "tamper",
}
IGNITION = {"IN": True, "IF": False}

DATE = re.compile(r"\d{6}|\d{8}|\d{12}|\d{14}", re.ASCII)
DIGITS, HEX = re.compile(r"\d{1,4}", re.ASCII), re.compile(r"[0-9A-Fa-f]{1,8}")
INPUTS, OUTPUTS = re.compile(r"[012]{4}"), re.compile(r"[01]{2}")
NORTH_SOUTH = frozenset({"N", "S"})
PLACE_FIELDS = 4  # latitude, N, longitude, E
NEIGHBOURS_MOST = 4


def moment(fields: Sequence[str]) -> tuple[float, int]:
    """UTC of ddmmyyyy and hhmmss, in one field or two, the year perhaps without its century; how
    many fields that were.
    """
    date, used = fields[0], 1
    if len(date) <= 8:
        date, used = date + fields[1], 2
    if not date.isdecimal() or len(date) not in (12, 14):
        raise DecodeError("field", f"ais140: {date[:20]!r} is not a date")
    clock = date[-6:]
    year = int(date[4:-6])
    time = unix_time(
        year if year > 99 else CENTURY + year, int(date[2:4]), int(date[:2]),
        int(clock[:2]), int(clock[2:4]), int(clock[4:]),
    )  # fmt: skip
    return time, used


def find_date(fields: Sequence[str]) -> int | None:
    """Where the date is: in front of a place; None where there is no place."""
    for at, field in enumerate(fields[:4]):
        if DATE.fullmatch(field) and not NORTH_SOUTH.isdisjoint(fields[at + 2 : at + 5]):
            return at
    return None


def place(fields: Sequence[str], said: Report) -> None:
    """Latitude, N or S, longitude, E or W, in degrees."""
    lat, lon = number(fields[0]), number(fields[2])
    if lat is not None and lon is not None:
        said.lat, said.lon = signed(lat, fields[1]), signed(lon, fields[3])


def event(said: Report, letters: str, code: str) -> None:
    """The event of a report: an alarm, the ignition, or something else."""
    if letters in IGNITION:
        said.ignition = IGNITION[letters]
    elif letters in ALARMS:
        said.alarms = (ALARMS[letters],)
        said.attributes["alarm_code"] = letters
    elif letters and letters != "NR":
        said.attributes["event"] = letters
    number_of_alert = count(code)
    if number_of_alert is not None:
        said.attributes["alert_id"] = number_of_alert


def motion(fields: Sequence[str], said: Report) -> None:
    """Speed km/h, course, satellites, altitude m."""
    told = [*fields[:4], "", "", "", ""]
    said.speed_kmh, said.course_deg = number(told[0]), course(told[1])
    said.satellites, said.altitude_m = whole(told[2]), number(told[3])


def vehicle(fields: Sequence[str], said: Report) -> None:
    """From the PDOP on: PDOP, HDOP, operator, ignition, mains there, mains V, battery V, emergency,
    tamper C or O, GSM, MCC, MNC, LAC hex, cell hex, neighbours, inputs, outputs, frame number.
    """
    attributes = said.attributes
    for name, at in (("pdop", 0), ("hdop", 1), ("external_v", 5), ("battery_v", 6)):
        value = number(fields[at]) if at < len(fields) else None
        if value is not None:
            attributes[name] = value
    told = [*fields[:9], *[""] * 9]
    if told[2].strip():
        attributes["operator"] = told[2].strip()
    if told[3] in ("0", "1"):
        said.ignition = told[3] == "1"
    if told[4] in ("0", "1"):
        attributes["external_power"] = told[4] == "1"
    if told[7] == "1":
        said.alarm("sos")
    if told[8] == "O":
        said.alarm("tamper")
    radio(fields[9:], attributes)


def radio(fields: Sequence[str], attributes: dict[str, Any]) -> None:
    """GSM, MCC, MNC, LAC hex, cell hex; four neighbours of signal, LAC hex, cell hex; then inputs
    and outputs as digits, the first input first. What is no number stands for nothing known.
    """
    if fields and DIGITS.fullmatch(fields[0]):
        attributes["signal_csq"] = int(fields[0])
    cells = stations(fields[1:])
    if cells:
        attributes["cells"] = cells
    for at in range(len(fields) - 2, -1, -1):
        if INPUTS.fullmatch(fields[at]) and OUTPUTS.fullmatch(fields[at + 1]):
            attributes["inputs"] = int(fields[at].replace("2", "0"), 2)
            attributes["outputs"] = int(fields[at + 1], 2)
            return


def stations(fields: Sequence[str]) -> list[dict[str, Any]]:
    """The own station and its neighbours, as far as they are stated."""
    if len(fields) < 4 or not (DIGITS.fullmatch(fields[0]) and DIGITS.fullmatch(fields[1])):
        return []
    mcc, mnc = int(fields[0]), int(fields[1])
    found = []
    for at in range(2, 2 + 3 * (NEIGHBOURS_MOST + 1), 3):
        pair = fields[at : at + 2]
        if len(pair) < 2 or not (HEX.fullmatch(pair[0]) and HEX.fullmatch(pair[1])):
            break
        lac, cid = int(pair[0], 16), int(pair[1], 16)
        if lac and cid:
            found.append(cell(mcc, mnc, lac, cid))
    return found
