"""The fixed record formats of Navtelecom devices before FLEX: F1 to F6, F5.1 and F5.2.

record   format u8 | index u32 | event u16 | time of the event | armed u8 | modules u8 |
         signal u8 | what the format has
time     hour, minute, second, day, month - 1, year - 2000
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, unix_time
from tracker.protocols.navtelecom.fields import NO_EVENT, NO_TEMPERATURE, SPEED_MOST
from tracker.protocols.navtelecom.said import Said

F1, F2, F3, F4, F5, F6, F5_1, F5_2 = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x15, 0x25

Field = tuple[str, str]  # name, and how it is unpacked; "" for what is not read

LINES16: Sequence[Field] = (("outputs", "H"), ("inputs", "H"))
SUPPLY: Sequence[Field] = (("external_mv", "H"), ("battery_mv", "H"))
ANALOG: Sequence[Field] = (("adc1", "H"), ("adc2", "H"))
COUNTERS: Sequence[Field] = (("counter1", "I"), ("counter2", "I"))
THERMOMETERS: Sequence[Field] = tuple((f"temperature{number}", "b") for number in (1, 2, 3, 4))
# In radians; from F6 on in 0.0001 minute, with the altitude in 0.1 m.
PLACE: Sequence[Field] = (("state", "B"), ("time", "6s"), ("lat", "f"), ("lon", "f"))
PLACE6: Sequence[Field] = (
    ("state", "B"), ("time", "6s"), ("lat_units", "i"), ("lon_units", "i"), ("altitude", "i"),
)  # fmt: skip
MOTION: Sequence[Field] = (
    ("speed", "f"), ("course", "H"), ("mileage_km", "f"), ("trip_km", "f"), ("", "4s"),
)  # fmt: skip
SHORT: Sequence[Field] = (("packed", "B"), ("inputs", "B"))
FUEL: Sequence[Field] = (("", "15s"),)


class Format(NamedTuple):
    """What one format has behind the common head."""

    names: Sequence[str]
    layout: struct.Struct


def _format(*groups: Sequence[Field]) -> Format:
    fields = [field for group in groups for field in group]
    return Format([name for name, _ in fields], struct.Struct("<" + "".join(c for _, c in fields)))


BASE5 = (SHORT, SUPPLY, ANALOG, COUNTERS, PLACE, MOTION)
FORMATS: Mapping[int, Format] = {
    F1: _format(LINES16, SUPPLY, (("temperature", "h"),), ANALOG),
    F2: _format(LINES16, SUPPLY, (("temperature", "h"),), ANALOG, COUNTERS, PLACE, MOTION),
    F3: _format(LINES16, SUPPLY, (("temperature", "h"),)),
    F4: _format((("outputs", "B"), ("inputs", "H")), SUPPLY, THERMOMETERS),
    F5: _format(*BASE5),
    F5_1: _format(*BASE5, FUEL),
    F5_2: _format(*BASE5, FUEL, THERMOMETERS),
    F6: _format(
        (("outputs", "B"), ("inputs", "B")),
        SUPPLY,
        (*ANALOG, ("adc3", "H")),
        COUNTERS,
        (("", "28s"),),  # fuel, in the units of its sensors
        THERMOMETERS,
        (("axle_load", "i"), ("engine_rpm", "H")),
        PLACE6,
        MOTION,
    ),
}

_HEAD = struct.Struct("<BIH6sBBB")


def read_format(data: bytes, at: int) -> tuple[Said, int, int]:
    """The record at `at`, its index, and where the next one starts. Raises DecodeError."""
    kind, index, event, moment, armed, modules, signal = _HEAD.unpack_from(data, at)
    form = FORMATS.get(kind)
    if form is None:
        raise DecodeError("field", f"navtelecom: format {kind:02x}", data[at:])
    values = dict(zip(form.names, form.layout.unpack_from(data, at + _HEAD.size), strict=True))
    said = Said()
    said.valid = False
    said.attributes.update(record_number=index, status=modules)
    if event != NO_EVENT:
        said.attributes["event"] = event
    if signal != 99:
        said.attributes["signal_csq"] = signal
    said.ignition = bool(modules & 0x80)
    newer = kind == F6
    said.attributes["armed"] = bool(armed & 1 if newer else armed & 0x7F)
    said.alarmed(active=bool(armed & (2 if newer else 0x80)), code=armed)
    said.time = clock(moment)
    _lines(said, values)
    _measured(said, values)
    if "state" in values:
        _place(said, values)
    said.finish()
    return said, index, at + _HEAD.size + form.layout.size


def clock(data: bytes) -> float | None:
    """Unix seconds of hour, minute, second, day, month - 1, year - 2000; None for zeros."""
    hour, minute, second, day, month, year = data
    if not day:
        return None
    return unix_time(CENTURY + year, month + 1, day, hour, minute, second)


def _lines(said: Said, values: Mapping[str, Any]) -> None:
    for name in ("outputs", "inputs"):
        if name in values:
            said.attributes[name] = values[name]
    if "packed" in values:  # outputs in bits 0-1, satellites above
        said.attributes["outputs"] = values["packed"] & 3
        said.satellites = values["packed"] >> 2


def _measured(said: Said, values: Mapping[str, Any]) -> None:
    attributes = said.attributes
    attributes["external_v"] = values["external_mv"] / 1000
    attributes["battery_v"] = values["battery_mv"] / 1000
    for number in (1, 2, 3):
        if f"adc{number}" in values:
            attributes[f"adc{number}_v"] = values[f"adc{number}"] / 1000
        if values.get(f"counter{number}"):
            attributes[f"counter{number}"] = values[f"counter{number}"]
    if "temperature" in values:
        said.temperatures[1] = values["temperature"]
    for number in (1, 2, 3, 4):
        value = values.get(f"temperature{number}", NO_TEMPERATURE)
        if value != NO_TEMPERATURE:
            said.temperatures[number] = value
    if values.get("engine_rpm", 0xFFFF) != 0xFFFF:
        attributes["engine_rpm"] = values["engine_rpm"]


def _place(said: Said, values: Mapping[str, Any]) -> None:
    """The state's bit 1 is a fix, from F6 on with satellites above it."""
    said.valid = bool(values["state"] & 2)
    said.time = clock(values["time"]) or said.time
    if "lat_units" in values:
        said.satellites = values["state"] >> 2
        said.lat, said.lon = values["lat_units"] / 600_000, values["lon_units"] / 600_000
        said.altitude_m = values["altitude"] / 10
    else:
        said.lat, said.lon = math.degrees(values["lat"]), math.degrees(values["lon"])
    if 0 <= values["speed"] < SPEED_MOST:
        said.speed_kmh = round(values["speed"], 3)
    if values["course"] <= 360:
        said.course_deg = float(values["course"] % 360)
    for name, attribute in (("mileage_km", "odometer_m"), ("trip_km", "trip_m")):
        if math.isfinite(values[name]):
            said.attributes[attribute] = round(values[name] * 1000, 1)
