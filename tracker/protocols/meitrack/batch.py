"""The binary batches of Meitrack devices, CCC and CCE. All numbers are little-endian."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.fields import access_point, cell, text
from tracker.protocols.meitrack.report import name_temperatures
from tracker.protocols.meitrack.said import Said
from tracker.protocols.stream import handles

EPOCH_S = 946_684_800  # 2000-01-01 UTC
DEGREE = 1_000_000
KEPT_BYTES = 64  # of an item without a meaning here, as hex
PAIR = 0xFE  # an id of two bytes begins so

_CCC_HEAD = struct.Struct("<HHI")
_CCC = struct.Struct("<BiiIBBBHHHhIIHHHHHHHHI")


def read_ccc(data: bytes) -> list[Said | DecodeError]:
    """Protocol u16, size of a record u16, records left in the device u32; then records.

    Event u8, latitude i32 1e-6°, longitude i32, seconds since 2000 u32, fixed u8, satellites u8,
    GSM signal u8, speed u16 km/h, course u16, HDOP u16 0.1, altitude i16 m, mileage u32 m, run time
    u32 s, MCC u16, MNC u16, LAC u16, cell id u16, inputs and outputs u16, AD1 u16, battery u16
    0.01 V, external power u16, geofence u32. Longer records begin the same; a size of 0
    is none.
    """
    _, record_size, _ = _CCC_HEAD.unpack_from(data)
    size = len(data) - _CCC_HEAD.size
    record_size = record_size or _CCC.size
    if record_size < _CCC.size or size % record_size:
        raise DecodeError("length", f"meitrack: records of {record_size} bytes in {size}", data)
    return [_ccc(data, at) for at in range(_CCC_HEAD.size, len(data), record_size)]


def _ccc(data: bytes, at: int) -> Said:
    values = _CCC.unpack_from(data, at)
    said = Said()
    said.event = values[0]
    said.lat, said.lon = values[1] / DEGREE, values[2] / DEGREE
    said.time = float(values[3] + EPOCH_S)
    said.valid = values[4] == 1
    said.satellites = values[5]
    said.speed_kmh, said.course_deg = float(values[7]), float(values[8])
    said.altitude_m = float(values[10])
    said.attributes.update(
        signal_csq=values[6],
        hdop=values[9] / 10,
        odometer_m=values[11],
        run_time_s=values[12],
        inputs=values[17] >> 8,
        outputs=values[17] & 0xFF,
        adc1=values[18],
        battery_v=values[19] / 100,
        external_v=values[20] / 100,
    )
    mcc, mnc, lac, cid = values[13:17]
    if lac or cid:
        said.attributes["cells"] = [cell(mcc, mnc, lac, cid)]
    if values[21]:
        said.attributes["geofence_number"] = values[21]
    return said


def read_cce(data: bytes) -> list[Said | DecodeError]:
    """Records left in the device u32, number of records here u16; then per record its size u16,
    number of items u16 and the items, see `_cce`. Raises DecodeError if they do not fill the data.
    """
    _, count = struct.unpack_from("<IH", data)
    at = 6
    records: list[Said | DecodeError] = []
    for _ in range(count):
        (size,) = struct.unpack_from("<H", data, at)
        at += 2
        if size < 2 or at + size > len(data):
            raise DecodeError("length", f"meitrack: a record of {size} bytes at {at}", data)
        try:
            records.append(_cce(data[at + 2 : at + size]))
        except IndexError:
            records.append(DecodeError("length", "meitrack: items cut off", data[at : at + size]))
        at += size
    if at != len(data):
        raise DecodeError("length", f"meitrack: {count} records end at {at}", data)
    return records


def _cce(record: bytes) -> Said:
    """Items of 1, 2 and 4 bytes and of variable size: of each group the count u8, then so many ids
    u8 (two bytes where the first is FE), [sizes u8,] values.
    """
    said = Said()
    said.valid = False
    at = 0
    for size, numbers in ((1, NUMBERS_1), (2, NUMBERS_2), (4, NUMBERS_4)):
        count = record[at]
        at += 1
        for _ in range(count):
            ident, at = _ident(record, at)
            if at + size > len(record):
                raise IndexError("item cut off")
            _read_number(said, numbers, ident, int.from_bytes(record[at : at + size], "little"))
            at += size
    for ident, value in _variable(record, at):
        reader = VARIABLE.get(ident)
        if reader is None or not reader(said, value):
            _items(said)[f"{ident:02x}"] = value[:KEPT_BYTES].hex()
    return said


def _ident(record: bytes, at: int) -> tuple[int, int]:
    if record[at] == PAIR:
        return PAIR << 8 | record[at + 1], at + 2
    return record[at], at + 1


def _variable(record: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    count = record[at] if at < len(record) else 0  # old firmware leaves the last group out
    at += 1
    for _ in range(count):
        ident, at = _ident(record, at)
        end = at + 1 + record[at]
        if end > len(record):
            raise IndexError("item cut off")
        yield ident, record[at + 1 : end]
        at = end


def _items(said: Said) -> dict[str, Any]:
    items: dict[str, Any] = said.attributes.setdefault("items", {})
    return items


SIGNED_2, SIGNED_4 = 1 << 16, 1 << 32  # spans of numbers with a sign; 0 for those without

# By id: a field of Said (with a dot in front) or an attribute, factor, span.
Numbers = Mapping[int, tuple[str, float, int]]
NUMBERS_1: Numbers = {
    0x01: (".event", 1, 0),
    0x05: (".valid", 1, 0),
    0x06: (".satellites", 1, 0),
    0x07: ("signal_csq", 1, 0),
    0x14: ("outputs", 1, 0),
    0x15: ("inputs", 1, 0),
    0x9D: ("fuel_percent", 1, 0),
    0xFE69: ("battery_percent", 1, 0),
}
NUMBERS_2: Numbers = {
    0x08: (".speed_kmh", 1.0, 0),
    0x09: (".course_deg", 1.0, 0),
    0x0A: ("hdop", 0.1, 0),
    0x0B: (".altitude_m", 1.0, SIGNED_2),
    0x16: ("adc1_v", 0.01, 0),
    0x17: ("adc2_v", 0.01, 0),
    0x18: ("adc3_v", 0.01, 0),
    0x19: ("battery_v", 0.01, 0),
    0x1A: ("external_v", 0.01, 0),
    0x29: ("fuel_percent", 0.01, 0),
    0x40: (".event", 1, 0),
    0x91: ("obd_speed_kmh", 1, 0),
    0x92: ("obd_speed_kmh", 1, 0),
    0x99: ("engine_rpm", 1, 0),
}
NUMBERS_4: Numbers = {
    0x02: (".lat", 1 / DEGREE, SIGNED_4),
    0x03: (".lon", 1 / DEGREE, SIGNED_4),
    0x04: (".time", 1.0, 0),
    0x0C: ("odometer_m", 1, 0),
    0x0D: ("run_time_s", 1, 0),
    0x25: ("driver_id", 1, 0),
    0xA0: ("fuel_used_l", 0.001, 0),
}


def _read_number(said: Said, numbers: Numbers, ident: int, raw: int) -> None:
    meaning = numbers.get(ident)
    if meaning is None:
        _items(said)[f"{ident:02x}"] = raw
        return
    name, factor, span = meaning
    value: float = raw - span if span and raw >= span >> 1 else raw
    if name == ".time":
        said.time = float(value + EPOCH_S)
    elif name == ".valid":
        said.valid = value > 0
    elif name in (".lat", ".lon"):
        setattr(said, name[1:], value / DEGREE)
    elif name == "driver_id":  # as text reports have it
        said.attributes[name] = f"{raw:08X}"
    elif name[0] == ".":
        setattr(said, name[1:], value * factor)
    else:
        said.attributes[name] = value if factor == 1 else round(value * factor, 3)


# True if the value was understood.
VARIABLE: dict[int, Callable[[Said, bytes], bool]] = {}


@handles(VARIABLE, 0x0E)
def stations(said: Said, value: bytes) -> bool:
    """0E: MCC u16, MNC u16, LAC u16, cell id u32, strength i16 dBm each. Zeros stand for none."""
    if len(value) % 12:
        return False
    found = [
        cell(mcc, mnc, lac, cid, rssi or None)
        for mcc, mnc, lac, cid, rssi in struct.iter_unpack("<HHHIh", value)
        if lac or cid
    ]
    if found:
        said.attributes["cells"] = found
    return True


@handles(VARIABLE, *range(0x1D, 0x26))
def wifi(said: Said, value: bytes) -> bool:
    """1D to 25: MAC[6], strength i16 dBm."""
    if len(value) != 8:
        return False
    if any(value[:6]):
        rssi = int.from_bytes(value[6:], "little", signed=True)
        said.attributes.setdefault("wifi", []).append(access_point(value[:6], rssi))
    return True


@handles(VARIABLE, *range(0x2A, 0x32))
def temperature(said: Said, value: bytes) -> bool:
    """2A to 31: sensor u8, temperature i16 0.01 °C."""
    if len(value) != 3:
        return False
    celsius = int.from_bytes(value[1:], "little", signed=True) / 100
    known = said.attributes.get("temperatures_c", [said.attributes.get("temperature_c")])
    found = [*known, celsius] if known[0] is not None else [celsius]
    name_temperatures(said, dict(enumerate(found)))
    return True


@handles(VARIABLE, 0x39, 0x49)
def driver(said: Said, value: bytes) -> bool:
    """39, 49: identity of the driver in ASCII."""
    if value.isascii():
        said.attributes["driver_id"] = text(value)
    return value.isascii()


@handles(VARIABLE, 0xFE31)
def media(said: Said, value: bytes) -> bool:
    """FE31: alarm of a camera: kind u8, then the names of its files."""
    said.attributes["camera_alarm"] = value[:KEPT_BYTES].hex()
    return True


@handles(VARIABLE, 0xFE73)
def tag(said: Said, value: bytes) -> bool:
    """FE73: Bluetooth sensor: u8, name with its length u8, MAC[6], battery u8 %, temperature i16
    1/256 °C, humidity u16 1/256 % ... Seen.
    """
    at = 2 + int.from_bytes(value[1:2], "big")
    if len(value) < at + 11:
        return False
    entry: dict[str, Any] = access_point(value[at : at + 6])
    entry["name"] = text(value[2:at], "utf-8")
    entry["battery_percent"] = value[at + 6]
    entry["temperature_c"] = round(
        int.from_bytes(value[at + 7 : at + 9], "little", signed=True) / 256, 2
    )
    entry["humidity_percent"] = round(int.from_bytes(value[at + 9 : at + 11], "little") / 256, 2)
    said.attributes.setdefault("beacons", []).append(entry)
    return True
