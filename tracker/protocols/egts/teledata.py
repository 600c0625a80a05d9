"""The subrecords of EGTS's teledata service: positions, sensors, counters."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from tracker.protocols.egts.said import Said
from tracker.protocols.egts.wire import EPOCH_S, Record, subrecords
from tracker.protocols.stream import handles

SUBRECORDS: dict[int, Callable[[Said, bytes], None]] = {}

POSITION = 16
KEPT_BYTES = 64  # of a subrecord without a meaning here, as hex

RANGE = 0xFFFFFFFF  # of a coordinate: 90 degrees of latitude, 180 of longitude
SPEED_MASK, BELOW_SEA, COURSE_HIGH = 0x3FFF, 0x4000, 0x8000  # of the speed
# Flags of a position.
VALID, STORED, MOVING, SOUTH, WEST, HAS_ALTITUDE = 0x01, 0x08, 0x10, 0x20, 0x40, 0x80

_POSITION = struct.Struct("<IIIBHB3sBB")

# Why a report was made, where that is an alarm.
ALARMS: Mapping[int, str] = {
    7: "overspeed",
    8: "power_on",
    10: "tamper",
    11: "power_cut",
    12: "low_battery",
    13: "sos",
    15: "sos",
    20: "acceleration",
    21: "braking",
    22: "gnss_fault",
    25: "gnss_antenna",
    27: "low_speed",
    28: "tow",
}


def read_record(record: Record, before: Said | None) -> list[Said]:
    """The new moments in a record. A position begins the next one; what a record says without one
    belongs to the moment `before`, unless it states another time: devices split what they measure
    at once over several records. Raises DecodeError.
    """
    moments: list[Said] = []
    said = before if before is not None and record.time in (None, before.time) else None
    for kind, content in subrecords(record.content):
        if said is None or (kind == POSITION and said.lat is not None):
            said = Said(record.time)
            moments.append(said)
        reader = SUBRECORDS.get(kind)
        if reader is not None:
            reader(said, content)
        elif any(content):
            said.group("items")[str(kind)] = content[:KEPT_BYTES].hex()
    return moments


@handles(SUBRECORDS, POSITION)
def position(said: Said, data: bytes) -> None:
    """16: seconds since 2010 u32, latitude and longitude u32 of RANGE, flags u8 (0 fix, 3 stored,
    4 moving, 5 south, 6 west, 7 altitude follows), speed u16 (14 bits of 0.1 km/h, below the sea,
    upper bit of the course), course u8, odometer u24 0.1 km, inputs u8, reason u8, altitude u24 m.
    """
    seconds, lat, lon, flags, speed, course, odometer, inputs, reason = _POSITION.unpack_from(data)
    said.time = float(seconds + EPOCH_S)
    said.valid = bool(flags & VALID)
    said.stored = bool(flags & STORED)
    said.lat = lat * (-90 if flags & SOUTH else 90) / RANGE
    said.lon = lon * (-180 if flags & WEST else 180) / RANGE
    said.speed_kmh = (speed & SPEED_MASK) / 10
    whole = course | 0x100 if speed & COURSE_HIGH else course
    said.course_deg = float(whole % 360)
    said.attributes["odometer_m"] = int.from_bytes(odometer, "little") * 100
    said.attributes["inputs"] = inputs
    said.attributes["moving"] = bool(flags & MOVING)
    if flags & HAS_ALTITUDE and len(data) >= _POSITION.size + 3:
        metres = int.from_bytes(data[_POSITION.size : _POSITION.size + 3], "little")
        said.altitude_m = float(-metres if speed & BELOW_SEA else metres)
    alarm = ALARMS.get(reason)
    said.alarms = (alarm,) if alarm is not None else ()
    said.attributes["alarm_code" if alarm is not None else "event"] = reason


@handles(SUBRECORDS, 17)
def precision(said: Said, data: bytes) -> None:
    """17: flags u8 of what follows: VDOP, HDOP, PDOP u16 0.01, satellites u8, systems u16."""
    at = 1
    for flag, name, width in ((1, "vdop", 2), (2, "hdop", 2), (4, "pdop", 2), (8, "", 1)):
        if data[0] & flag:
            value = int.from_bytes(data[at : at + width], "little")
            at += width
            if name:
                said.attributes[name] = value / 100
            else:
                said.satellites = value
    if data[0] & 16:
        said.attributes["gnss"] = int.from_bytes(data[at : at + 2], "little")
        at += 2
    if at > len(data):
        raise IndexError("precision cut off")


@handles(SUBRECORDS, 18)
def sensors(said: Said, data: bytes) -> None:
    """18: which octets of inputs u8, outputs u8, which analog u8; the octets, the analog u24."""
    octets, outputs, analog = data[0], data[1], data[2]
    said.attributes["outputs"] = outputs
    at = 3
    for place in range(8):
        if octets >> place & 1:
            said.group("octets")[str(place + 1)] = data[at]
            at += 1
    for place in range(8):
        if analog >> place & 1:
            said.attributes[f"adc{place + 1}"] = _u24(data, at)
            at += 3


def _u24(data: bytes, at: int) -> int:
    if at + 3 > len(data):
        raise IndexError("value cut off")
    return int.from_bytes(data[at : at + 3], "little")


@handles(SUBRECORDS, 19)
def counters(said: Said, data: bytes) -> None:
    """19: which counters u8; the counters u24."""
    at = 1
    for place in range(8):
        if data[0] >> place & 1:
            said.group("counters")[str(place + 1)] = _u24(data, at)
            at += 3


STATE_SIZE = 5


@handles(SUBRECORDS, 20, 21)
def state(said: Said, data: bytes) -> None:
    """20 of 5 bytes, 21: state u8, main, backup and own voltage u8 0.1 V, flags u8 (0 on its own
    battery, 1 on the backup, 2 navigation on). 20 of another length: accelerations, kept.
    """
    if len(data) != STATE_SIZE:
        said.group("items")["20"] = data[:KEPT_BYTES].hex()
        return
    said.attributes["state"] = data[0]
    said.attributes["external_v"] = data[1] / 10
    said.attributes["backup_v"] = data[2] / 10
    said.attributes["battery_v"] = data[3] / 10
    said.attributes["external_power"] = not data[4] & 3


@handles(SUBRECORDS, 22)
def loops(said: Said, data: bytes) -> None:
    """22: which loops u8; for each four bits, the lower first: 0 normal, 1 alarm, 2 cut ..."""
    which, at = data[0], 0
    for place in range(8):
        if which >> place & 1:
            said.group("loops")[str(place + 1)] = data[1 + at // 2] >> 4 * (at % 2) & 0x0F
            at += 1


@handles(SUBRECORDS, 23)
def one_input(said: Said, data: bytes) -> None:
    """23: state in 4 bits, number of the input in 12."""
    value = int.from_bytes(data[:2], "little")
    said.group("sensors")[str(value >> 4)] = value & 0x0F


@handles(SUBRECORDS, 24)
def one_analog(said: Said, data: bytes) -> None:
    """24: number u8, value u24."""
    said.attributes[f"adc{data[0]}"] = _u24(data, 1)


@handles(SUBRECORDS, 25)
def one_counter(said: Said, data: bytes) -> None:
    """25: number u8, value u24."""
    said.group("counters")[str(data[0])] = _u24(data, 1)


@handles(SUBRECORDS, 26)
def one_loop(said: Said, data: bytes) -> None:
    """26: state in 4 bits, number of the loop in 12."""
    value = int.from_bytes(data[:2], "little")
    said.group("loops")[str(value >> 4)] = value & 0x0F


LITRE_TENTHS, PERCENT = 2, 1  # units
FAULTY, RAW = 0x40, 0x08  # flags


@handles(SUBRECORDS, 27)
def level(said: Said, data: bytes) -> None:
    """27: flags u8 (0-2 number, 3 raw data of the sensor, 4-5 unit: 1 percent, 2 0.1 litre, 6
    faulty), address u16, level u32.
    """
    flags, number = data[0], data[0] & 7
    if flags & FAULTY:
        return
    if flags & RAW:
        said.group("items")[f"27.{number}"] = data[3 : 3 + KEPT_BYTES].hex()
        return
    value: float = struct.unpack_from("<I", data, 3)[0]
    unit = flags >> 4 & 3
    name = {PERCENT: "fuel_percent", LITRE_TENTHS: "fuel_l"}.get(unit, "fuel_level")
    value = value / 10 if unit == LITRE_TENTHS else value
    said.attributes.setdefault(name, value)
    if number:
        said.group("fuel_levels")[str(number)] = value


PASSENGERS_RAW = 1


@handles(SUBRECORDS, 28)
def passengers(said: Said, data: bytes) -> None:
    """28: flags u8 (0 raw), doors that are counted u8, doors opened u8, address u16; for each
    counted door who came in u8 and who went out u8.
    """
    if data[0] & PASSENGERS_RAW:
        said.group("items")["28"] = data[3 : 3 + KEPT_BYTES].hex()
        return
    at = 5
    for place in range(8):
        if data[1] >> place & 1:
            said.group("passengers")[str(place + 1)] = [data[at], data[at + 1]]
            at += 2
    said.attributes["doors"] = data[2]
