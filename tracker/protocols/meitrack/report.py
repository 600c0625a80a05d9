"""The text report of Meitrack devices, AAA: fields between commas, of which old models have few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, cell, count, unix_time
from tracker.protocols.meitrack.events import CARD, GEOFENCES
from tracker.protocols.meitrack.said import Said
from tracker.protocols.meitrack.wire import Link

FIELDS_LEAST = 5  # event, latitude, longitude, time, validity
SIGNED_FROM = 3  # protocol version from which temperatures have a sign

FULL = 100.0  # percent
ANALOG_DIGITS = 8  # hex, of an analog input: 32 bits


class Scale(NamedTuple):
    """How a model states voltages: those of the battery that it can mean, and volts per unit."""

    least: int
    most: int
    battery_v: float
    external_v: float


# A lithium battery has 2.8 to 4.5 V, so its reading alone tells how a model converts: hundredths of
# a volt (T333 and newer), 10 bits of 3.0 V (MVT340, MVT380), 12 bits of 3.3 V (T1, T3, MVT600 ...).
# The battery stands behind a divider by 2, the external power behind one by 16.
SCALES: Mapping[str, Scale] = {
    "volts": Scale(280, 450, 0.01, 0.01),
    "10bit": Scale(477, 768, 3.0 * 2 / 1024, 3.0 * 16 / 1024),
    "12bit": Scale(1737, 2793, 3.3 * 2 / 4096, 3.3 * 16 / 4096),
}


def read_report(link: Link, fields: Sequence[str]) -> Said:
    """Event, latitude, longitude, yymmddhhmmss UTC, A or V, satellites, GSM signal, speed km/h,
    course, HDOP, altitude m, mileage m, run time s, base station, inputs and outputs, analog
    inputs; then see `read_tail`.
    """
    if len(fields) < FIELDS_LEAST:
        raise DecodeError("length", f"meitrack: {len(fields)} fields")
    said = Said()
    said.event = _event(fields[0])
    said.lat, said.lon = _number(fields[1]), _number(fields[2])
    said.time = _time(fields[3])
    said.valid = fields[4] == "A"
    sats, gsm, speed, course, hdop, altitude, mileage, runtime, station, ports, analog = (
        *fields[5:16],
        *[""] * 11,
    )[:11]
    said.satellites = count(sats)
    said.speed_kmh, said.course_deg = _number(speed), _number(course)
    said.altitude_m = _number(altitude)
    _keep(said, "signal_csq", count(gsm))
    _keep(said, "hdop", _number(hdop))
    _keep(said, "odometer_m", count(mileage))
    _keep(said, "run_time_s", count(runtime))
    _read_station(said, station)
    if len(ports) == 4:
        word = int(ports, 16)
        said.attributes["inputs"], said.attributes["outputs"] = word >> 8, word & 0xFF
    _read_analog(link, said, analog)
    if len(fields) > 16:
        read_tail(said, fields[16:])
    return said


def _event(field: str) -> int:
    """The code of an event; none is 0."""
    code = count(field or "0")
    if code is None:
        raise DecodeError("field", f"meitrack: {field[:20]!r} is not an event")
    return code


def _number(field: str) -> float | None:
    """A decimal number, None for an empty field."""
    if not field:
        return None
    if len(field) > 20 or not field.lstrip("-").replace(".", "", 1).isdecimal():
        raise DecodeError("field", f"meitrack: {field[:20]!r} is not a number")
    return float(field)


def _time(digits: str) -> float | None:
    """yymmddhhmmss; None for zeros, which mean that the clock is not set."""
    if len(digits) != 12 or not digits.isdecimal():
        raise DecodeError("field", f"meitrack: {digits[:20]!r} is not a time")
    if not int(digits):
        return None
    year, *rest = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    month, day, hour, minute, second = rest
    return unix_time(CENTURY + year, month, day, hour, minute, second)


def _keep(said: Said, name: str, value: float | None) -> None:
    if value is not None:
        said.attributes[name] = value


def _read_station(said: Said, field: str) -> None:
    """MCC|MNC|LAC hex|cell id hex; some parts may be empty, zeros stand for none."""
    parts = field.split("|")
    if len(parts) < 4 or not (parts[0].isdecimal() and parts[1].isdecimal() and parts[2]):
        return
    lac, cid = int(parts[2], 16), int(parts[3] or "0", 16)
    if lac or cid:
        said.attributes["cells"] = [cell(int(parts[0]), int(parts[1]), lac, cid)]


def _read_analog(link: Link, said: Said, field: str) -> None:
    """AD1|AD2|AD3|battery|external power, hex; or battery|external power|... in decimal volts."""
    parts = field.split("|")
    if "." in field:
        for name, part in zip(("battery_v", "external_v"), parts, strict=False):
            _keep(said, name, _number(part))
        return
    if any(len(part) > ANALOG_DIGITS for part in parts):
        return
    values = [int(part, 16) if part else None for part in parts]
    for number, value in enumerate(values[:3], start=1):
        _keep(said, f"adc{number}", value)
    if len(values) < 5:
        return
    battery, external = values[3], values[4]
    for name, scale in SCALES.items():
        if battery is not None and scale.least <= battery <= scale.most:
            link.scale = name
    known = SCALES.get(str(link.session.options.get("meitrack_adc", link.scale)))
    if known is None:
        _keep(said, "adc4", battery)
        _keep(said, "adc5", external)
        return
    if battery is not None:
        said.attributes["battery_v"] = round(battery * known.battery_v, 3)
    if external is not None:
        said.attributes["external_v"] = round(external * known.external_v, 3)


def read_tail(said: Said, fields: Sequence[str]) -> None:
    """Data of the event, custom data, protocol version, fuel (two bytes: percent and hundredths),
    temperatures; what is behind them is kept as it is.
    """
    detail, custom, version, fuel, temperatures = (*fields[:5], *[""] * 5)[:5]
    if detail:
        said.attributes[_detail_name(said.event)] = detail
    if custom:
        said.attributes["custom"] = custom
    if len(fuel) == 4:
        whole, hundredths = bytes.fromhex(fuel)
        percent = whole + hundredths / 100
        if percent <= FULL:
            said.attributes["fuel_percent"] = percent
    if temperatures:
        signed = version.isdecimal() and int(version) >= SIGNED_FROM
        _read_temperatures(said, temperatures, signed=signed)
    extra = ",".join(fields[5:]).strip(",")
    if extra:
        said.attributes["extra"] = extra


def _detail_name(event: int) -> str:
    if event == CARD:
        return "driver_id"
    return "geofence_number" if event in GEOFENCES else "event_data"


def _read_temperatures(said: Said, field: str, *, signed: bool) -> None:
    """Sensor u8 and value, in hex, with | between them: i16 0.01 °C, or u8 °C and u8 0.01 °C."""
    found: dict[int, float] = {}
    for entry in field.split("|"):
        if len(entry) != 6:
            continue
        sensor, *value = bytes.fromhex(entry)
        if signed:
            found[sensor] = int.from_bytes(value, "big", signed=True) / 100
        else:
            found[sensor] = value[0] + value[1] / 100
    name_temperatures(said, found)


def name_temperatures(said: Said, found: Mapping[int, float]) -> None:
    """Keep temperatures in °C by the number of their sensor."""
    if not found:
        return
    said.attributes["temperature_c"] = found[min(found)]
    if len(found) > 1:
        said.attributes["temperatures_c"] = [found[sensor] for sensor in sorted(found)]
