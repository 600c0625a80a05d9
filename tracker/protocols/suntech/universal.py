"""The universal reports of Suntech devices: a mask says which fields there are, in text and binary.

Bits of the mask: 1 model, 2 software, 3 live or stored, 4 date, 5 time, 6 cell, 7 MCC, 8 MNC,
9 LAC, 10 level, 11 latitude, 12 longitude, 13 speed km/h, 14 course, 15 satellites, 16 fixed,
17 inputs, 18 outputs, 19 mode or alert, 20 reason or what changed, 21 number or data,
22 reserved, 23 mask of further fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, cell, count, unix_time
from tracker.protocols.reports import Report
from tracker.protocols.suntech.alarms import ALERTS, DRIVER, enter
from tracker.protocols.suntech.legacy import moment
from tracker.protocols.textfields import EXTRA_MOST, amount, course, number, whole

NAMES: Mapping[int, str] = {
    1: "model", 2: "software", 3: "live", 4: "date", 5: "time", 6: "cid", 7: "mcc", 8: "mnc",
    9: "lac", 10: "level", 11: "lat", 12: "lon", 13: "speed", 14: "course", 15: "satellites",
    16: "fixed", 17: "inputs", 18: "outputs", 19: "mode", 20: "reason", 21: "number",
    22: "reserved",
}  # fmt: skip
OUTPUTS = 18  # bit of the last field that all kinds have
FURTHER = 23
FURTHER_MOST = 31  # bits of the mask of further fields
IGNITION = 1  # bit of the inputs

# Sizes of the fields in binary, in bytes.
SIZES: Mapping[str, int] = {
    "model": 1, "software": 3, "live": 1, "date": 3, "time": 3, "cid": 4, "mcc": 2, "mnc": 2,
    "lac": 2, "level": 1, "lat": 4, "lon": 4, "speed": 2, "course": 2, "satellites": 1,
    "fixed": 1, "inputs": 1, "outputs": 1, "mode": 1, "reason": 2,
}  # fmt: skip
PORTS = re.compile(r"[01]{1,16}", re.ASCII)
DRIVER_BYTES = 8
MINUS = 1 << 31

BEACON_FIELDS = 7


def announced(fields: Sequence[str], last: int = max(NAMES)) -> tuple[dict[str, str], int]:
    """The fields by their names that a mask in hex announces, up to its bit `last`, and where the
    next one is.
    """
    mask = int(fields[0], 16)
    names = [name for bit, name in NAMES.items() if mask >> bit & 1 and bit <= last]
    if len(fields) <= len(names):
        raise DecodeError("length", f"suntech: {len(fields)} fields for {len(names)}")
    return dict(zip(names, fields[1:], strict=False)), 1 + len(names)


def read_found(found: Mapping[str, str]) -> Report:
    """What STT, ALT and UEX have in common: coordinates in degrees, ports in binary digits."""
    said = Report(alarms=(), stored=found.get("live") == "0")
    if "date" in found and "time" in found:
        said.time = moment(found["date"], found["time"])
    said.lat, said.lon = number(found.get("lat", "")), number(found.get("lon", ""))
    said.speed_kmh, said.course_deg = (
        number(found.get("speed", "")),
        course(found.get("course", "")),
    )
    said.satellites = whole(found.get("satellites", ""))
    said.valid = found.get("fixed", "1") == "1"
    for name in ("inputs", "outputs"):
        if PORTS.fullmatch(found.get(name, "")):
            said.attributes[name] = int(found[name], 2)
    read_station(
        said, {name: found.get(name, "") for name in ("cid", "mcc", "mnc", "lac", "level")}
    )
    return said


def read_text(kind: str, fields: Sequence[str]) -> Report:
    """STT and ALT: mask hex, then the fields it announces."""
    found, at = announced(fields)
    said = read_found(found)
    read_reason(said, kind, *(whole_or_none(found.get(name)) for name in ("mode", "reason")))
    if kind == "ALT":
        if found.get("number"):
            said.attributes["event_data"] = found["number"]
    elif (count := whole_or_none(found.get("number"))) is not None:
        said.attributes["message_number"] = count
    if int(fields[0], 16) >> FURTHER & 1:
        read_further(said, fields[at:])
    return finish(said)


def read_serial(fields: Sequence[str]) -> Report:
    """UEX: mask hex, the fields it announces up to the outputs; what stands behind them is kept,
    data of the serial port among it.
    """
    found, at = announced(fields, OUTPUTS)
    said = read_found(found)
    if rest := ";".join(fields[at:]):
        said.attributes["serial_data"] = rest[:EXTRA_MOST]
    return finish(said)


def whole_or_none(text: str | None) -> int | None:
    """A whole number, None for what is none."""
    return None if text is None else count(text)


def read_station(said: Report, found: Mapping[str, str]) -> None:
    """Cell and LAC in hex, MCC and MNC in decimal; the level is kept as the device states it."""
    level = whole_or_none(found["level"])
    if level is not None:
        said.attributes["rx_level"] = level
    mcc, mnc = whole_or_none(found["mcc"]), whole_or_none(found["mnc"])
    if mcc and mnc is not None and found["cid"] and found["lac"]:
        station = cell(mcc, mnc, int(found["lac"], 16), int(found["cid"], 16))
        said.attributes["cells"] = [station]


def read_reason(said: Report, kind: str, code: int | None, detail: int | None) -> None:
    """Of a status its mode and reason, of an alert its code and what has changed."""
    if kind == "ALT":
        if code is not None:
            enter(said, code, ALERTS)
        if detail is not None:
            said.attributes["event_detail"] = detail
        return
    if code is not None:
        said.attributes["mode"] = code
    if detail is not None:
        said.attributes["event"] = detail


def read_further(said: Report, fields: Sequence[str]) -> None:
    """A mask in hex, then the fields of its bits, counted from 1 and kept as they are."""
    mask = int(fields[0], 16)
    bits = [bit for bit in range(FURTHER_MOST) if mask >> bit & 1]
    said.attributes["items"] = {
        str(bit + 1): text for bit, text in zip(bits, fields[1:], strict=False)
    }


def finish(said: Report) -> Report:
    """Say what more than one field tells."""
    if "inputs" in said.attributes:
        said.ignition = bool(said.attributes["inputs"] & IGNITION)
    if "outputs" in said.attributes:
        said.attributes["engine_cut"] = bool(said.attributes["outputs"] & 1)
    return said


def read_beacons(fields: Sequence[str]) -> Report:
    """BLE: model; software; date; time; latitude; longitude; count; then per tag its level, least
    and greatest level, MAC, number of samples, major, minor.
    """
    said = Report(time=moment(fields[2], fields[3]), alarms=(), valid=True)
    said.lat, said.lon = number(fields[4]), number(fields[5])
    count = whole(fields[6]) or 0
    tags = fields[7:]
    if len(tags) < count * BEACON_FIELDS:
        raise DecodeError("length", f"suntech: {len(tags)} fields of {count} tags")
    beacons: list[dict[str, Any]] = []
    for at in range(0, count * BEACON_FIELDS, BEACON_FIELDS):
        level, _, _, mac, samples, major, minor = tags[at : at + BEACON_FIELDS]
        pairs = [mac[place : place + 2].lower() for place in range(0, len(mac), 2)]
        beacons.append(
            {
                "mac": ":".join(pairs),
                "rssi_dbm": amount(level),
                "samples": whole(samples),
                "major": whole(major),
                "minor": whole(minor),
            }
        )
    said.attributes["beacons"] = beacons
    return said


def split(data: bytes, mask: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each field that a mask announces in binary; the last is all the rest."""
    at = 0
    for bit, name in NAMES.items():
        if not mask >> bit & 1:
            continue
        width = SIZES.get(name)
        if width is None:
            yield "rest", data[at:]
            return
        if at + width > len(data):
            raise IndexError("fields cut off")
        yield name, data[at : at + width]
        at += width


def read_binary(kind: str, mask: int, data: bytes) -> Report:
    """The same fields in binary: date and time a byte each; coordinates u31 1e-6° with a sign bit;
    speed and course u16 0.01; the data of an alert behind its reason.
    """
    found = dict(split(data, mask))
    value = {name: int.from_bytes(part, "big") for name, part in found.items() if name != "rest"}
    said = Report(alarms=(), stored=value.get("live") == 0)
    if "date" in found and "time" in found:
        year, month, day = found["date"]
        said.time = unix_time(CENTURY + year, month, day, *found["time"])
    if "lat" in value and "lon" in value:
        said.lat, said.lon = (degrees(value[name]) for name in ("lat", "lon"))
    said.speed_kmh = value["speed"] / 100 if "speed" in value else None
    said.course_deg = value["course"] / 100 % 360 if "course" in value else None
    said.satellites = value.get("satellites")
    said.valid = value.get("fixed", 1) > 0
    said.attributes.update((name, value[name]) for name in ("inputs", "outputs") if name in value)
    if value.get("level"):
        said.attributes["rx_level"] = value["level"]
    if value.get("mcc") and value.get("cid"):
        station = cell(value["mcc"], value.get("mnc", 0), value.get("lac", 0), value["cid"])
        said.attributes["cells"] = [station]
    read_reason(said, kind, value.get("mode"), value.get("reason"))
    if (
        kind == "ALT"
        and value.get("mode") == DRIVER
        and len(found.get("rest", b"")) >= DRIVER_BYTES
    ):
        said.attributes["driver_id"] = found["rest"][:DRIVER_BYTES].hex()
    return finish(said)


def degrees(value: int) -> float:
    """Degrees from 1e-6° with a sign in the highest bit."""
    return (MINUS - value if value & MINUS else value) / 1_000_000
