"""The legacy text reports of Suntech devices, by the shape of their fields.

Models put different fields in front of the date, between time and coordinates, and behind the
inputs. What a field is shows in how it is written, so models need no table:

    [model;] software; yyyymmdd; hh:mm:ss; [cell hex; [MCC; MNC; LAC hex; level;]] latitude;
    longitude; speed km/h; course; satellites; fixed; distance m; supply V; inputs; ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker.errors import DecodeError
from tracker.protocols.fields import cell, count, unix_time
from tracker.protocols.reports import Report
from tracker.protocols.suntech.alarms import ALERTS, EMERGENCIES, enter
from tracker.protocols.textfields import EXTRA_MOST, amount, course, number, whole

DATE = re.compile(r"\d{8}", re.ASCII)
CLOCK = re.compile(r"\d\d:\d\d:\d\d", re.ASCII)
DEGREES = re.compile(r"[+-]?\d{1,3}\.\d{4,}", re.ASCII)
PORTS = re.compile(r"[01]{6,8}", re.ASCII)
HEX = re.compile(r"[0-9A-Fa-f]{1,10}", re.ASCII)
# What devices add where they are set up for it: run time min, battery V, live or stored.
BATTERY = re.compile(r"\d{1,2}\.\d{1,2}", re.ASCII)
SENSOR = re.compile(r"[0-9A-Fa-f]{16}:(?P<celsius>[+-]?\d+(?:\.\d+)?)", re.ASCII)
READING = re.compile(r"\d{1,3}\.\d\d", re.ASCII)
ADC_MOST = 3

CELL_COUNT, CELL_FIELDS = 7, 6  # stations that an ST410 lists, and fields of each
EMPTY_STATION = 0
STATION = re.compile(r"-?\d{1,10}", re.ASCII)


def find_date(fields: Sequence[str], start: int = 0) -> int:
    """Where the date stands, which a time follows. Raises DecodeError where there is none."""
    for at in range(start, len(fields) - 1):
        if DATE.fullmatch(fields[at]) and CLOCK.fullmatch(fields[at + 1]):
            return at
    raise DecodeError("field", "suntech: a report without a date")


def moment(date: str, clock: str) -> float:
    """Unix seconds of yyyymmdd and hh:mm:ss, UTC."""
    hour, minute, second = (int(part) for part in clock.split(":"))
    return unix_time(int(date[:4]), int(date[4:6]), int(date[6:]), hour, minute, second)


def read_place(said: Report, fields: Sequence[str], at: int) -> int:
    """Date and time at `at`, station, coordinates, speed and course; where the next field is."""
    said.time = moment(fields[at], fields[at + 1])
    at += 2
    place = at
    while place < len(fields) and not DEGREES.fullmatch(fields[place]):
        place += 1
    if place - at == 5:
        read_station(said, fields[at:place])
    elif place - at > 1:
        raise DecodeError("field", f"suntech: {place - at} fields between time and place")
    said.lat, said.lon = number(fields[place]), number(fields[place + 1])
    said.speed_kmh = number(fields[place + 2])
    said.course_deg = course(fields[place + 3])
    return place + 4


def read_station(said: Report, fields: Sequence[str]) -> None:
    """Cell hex, MCC, MNC, LAC hex, level in dBm without its sign."""
    if not (HEX.fullmatch(fields[0]) and HEX.fullmatch(fields[3])):
        return
    cid, lac = int(fields[0], 16), int(fields[3], 16)
    mcc, mnc, level = whole(fields[1]), whole(fields[2]), amount(fields[4])
    if (cid or lac) and mcc is not None and mnc is not None:
        said.attributes["cells"] = [cell(mcc, mnc, lac, cid, int(-abs(level)) if level else None)]


def read_report(kind: str, fields: Sequence[str]) -> Report:
    """Fields behind the identity. What follows the inputs depends on the kind: STT mode and number,
    EMG, EVT and ALT a code, UEX the length of data and the data; then see `read_tail`.
    """
    said = Report(alarms=())
    at = read_place(said, fields, find_date(fields))
    satellites, fixed, distance, supply, ports = fields[at : at + 5]
    said.satellites, said.valid = whole(satellites), fixed == "1"
    _number(said, "odometer_m", distance)
    voltage = number(supply)
    if voltage is not None:
        said.attributes["external_v"] = voltage
    if PORTS.fullmatch(ports):
        read_ports(said, ports)
    rest = fields[at + 5 :]
    if kind == "STT" and len(rest) >= 2:
        _number(said, "mode", rest[0])
        _number(said, "message_number", rest[1])
        rest = rest[2:]
    elif kind in CODES and rest:
        enter(said, whole(rest[0]) or 0, CODES[kind])
        rest = rest[1:]
    read_tail(said, rest)
    return said


CODES: Mapping[str, Mapping[int, str]] = {"EMG": EMERGENCIES, "ALT": ALERTS, "EVT": {}}


def _number(said: Report, name: str, text: str) -> None:
    value = whole(text)
    if value is not None:
        said.attributes[name] = value


def read_ports(said: Report, ports: str) -> None:
    """Ignition, inputs 1 to 3, outputs 1 and on, each 0 or 1."""
    said.ignition = ports[0] == "1"
    said.attributes["inputs"] = int(ports[3:0:-1], 2)
    said.attributes["outputs"] = int(ports[:3:-1], 2)
    said.attributes["engine_cut"] = ports[4] == "1"


def read_tail(said: Report, fields: Sequence[str]) -> None:
    """Run time in minutes, battery in V, 1 live or 0 stored; readings of analog inputs in V; and
    temperature sensors, identity:degrees.
    """
    for at in range(min(3, len(fields) - 2)):
        minutes, battery, live = fields[at : at + 3]
        run = count(minutes)
        if run is not None and BATTERY.fullmatch(battery) and live in ("0", "1"):
            said.attributes["engine_minutes"] = run
            said.attributes["battery_v"] = float(battery)
            said.stored = live == "0"
            for place, text in enumerate(fields[at + 3 : at + 3 + ADC_MOST], start=1):
                if not READING.fullmatch(text):
                    break
                said.attributes[f"adc{place}_v"] = float(text)
            break
    sensors = [found for text in fields if (found := SENSOR.fullmatch(text.strip()))]
    if sensors:
        said.attributes["temperature_c"] = float(sensors[0]["celsius"])
    if len(sensors) > 1:
        said.attributes["temperatures_c"] = [float(found["celsius"]) for found in sensors]


def read_serial(kind: str, head: Sequence[str], data: str, tail: Sequence[str]) -> Report:
    """UEX: a report, its last field the length of the data; the data; behind it its sum."""
    said = read_report(kind, head[:-1])
    said.attributes["serial_data"] = data.strip()[:EXTRA_MOST]
    read_tail(said, tail)
    return said


def read_short(kind: str, fields: Sequence[str]) -> Report:
    """ST910 behind the identity: [software;] date; time; [cell;] latitude; longitude; speed;
    course; fixed; then, with a cell, the distance, else the battery in V and live or stored.
    """
    said = Report(alarms=())
    dated = find_date(fields)
    at = read_place(said, fields, dated)
    said.valid = fields[at] == "1"
    celled = not DEGREES.fullmatch(fields[dated + 2])
    rest = fields[at + 1 :]
    if celled and rest:
        _number(said, "odometer_m", rest[0])
    elif len(rest) >= 2 and BATTERY.fullmatch(rest[0]):
        said.attributes["battery_v"] = float(rest[0])
        said.stored = rest[1] == "0"
    if kind in SHORT_ALARMS:
        said.alarm(SHORT_ALARMS[kind])
        said.attributes["alarm_code"] = kind
    return said


SHORT_ALARMS: Mapping[str, str] = {"Emergency": "sos", "Alert": "other"}


def lists_stations(fields: Sequence[str]) -> bool:
    """Whether seven stations stand where other reports have their date."""
    return all(STATION.fullmatch(text) for text in fields[2 : 2 + CELL_COUNT * CELL_FIELDS])


def read_stations(fields: Sequence[str]) -> Report:
    """ST410 behind the identity: software; model; seven stations of six fields; battery V; live or
    stored; number; status; [network;] date; time; latitude; longitude; speed; course; satellites;
    fixed. A station is cell; MCC; MNC; and then level, LAC in the first, LAC, level in the others;
    timing advance.
    """
    said = Report(alarms=())
    stations = fields[2 : 2 + CELL_COUNT * CELL_FIELDS]
    cells = []
    for at in range(0, len(stations), CELL_FIELDS):
        cid, mcc, mnc, one, other, _ = (int(text) for text in stations[at : at + CELL_FIELDS])
        lac, level = (other, one) if at == 0 else (one, other)
        if cid > EMPTY_STATION:
            cells.append(cell(mcc, mnc, lac, cid, level or None))
    if cells:
        said.attributes["cells"] = cells
    battery, live, count, status = fields[2 + len(stations) : 6 + len(stations)]
    voltage = number(battery)
    if voltage is not None:
        said.attributes["battery_v"] = voltage
    said.stored = live == "0"
    _number(said, "message_number", count)
    _number(said, "mode", status)
    if not any(fields[7 + len(stations) :]):
        return said  # no fix: date, place and all behind it are empty
    at = read_place(said, fields, find_date(fields, 6 + len(stations)))
    said.satellites, said.valid = whole(fields[at]), fields[at + 1] == "1"
    return said
