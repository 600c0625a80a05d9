"""Items behind a JT/T 808 location that makers have added, as far as they are known.

Ids are not administered: the same one means different things to different makers, so each is
taken only at the length, and with the content, of the maker whose meaning stands here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping

from tracker.protocols.fields import access_point, cell, signal_dbm, text
from tracker.protocols.jt808.said import Said
from tracker.protocols.stream import handles

FUNCTIONS: dict[int, Callable[[bytes, Said], bool]] = {}

NUMBERS: Mapping[tuple[int, int], tuple[str, float, float]] = {
    (0x06, 1): ("battery_percent", 1, 0),
    (0x61, 2): ("external_v", 0.01, 0),
    (0x69, 2): ("battery_v", 0.01, 0),
    (0xD3, 2): ("battery_v", 0.1, 0),
    (0xD4, 1): ("battery_percent", 1, 0),
    (0xE1, 2): ("external_v", 0.1, 0),
    (0xF8, 2): ("steps", 1, 0),
    (0xFE, 1): ("battery_percent", 1, 0),
    # Engine data of OBD terminals.
    (0x80, 1): ("obd_speed_kmh", 1, 0),
    (0x81, 2): ("engine_rpm", 1, 0),
    (0x82, 2): ("external_v", 0.1, 0),
    (0x83, 1): ("engine_load_percent", 1, 0),
    (0x84, 1): ("coolant_c", 1, -40),
    (0x85, 2): ("fuel_consumption", 1, 0),
    (0x86, 1): ("intake_c", 1, -40),
    (0x87, 2): ("intake_flow", 1, 0),
    (0x88, 1): ("intake_pressure_kpa", 1, 0),
    (0x89, 1): ("throttle_percent", 1, 0),
    (0x8C, 4): ("obd_odometer_m", 100, 0),
    (0x8D, 2): ("trip_m", 1000, 0),
    (0x8E, 1): ("fuel_percent", 1, 0),
}

# ADAS and driver monitoring (items 64 and 65): kinds of alarm, byte 5.
ADAS_ALARMS = {
    1: "collision_warning",
    2: "lane_departure",
    3: "following_distance",
    4: "pedestrian_warning",
}
SAFETY_LEAST = 36

DRIVER_ALARMS = {
    1: "fatigue",
    2: "phone_use",
    3: "smoking",
    4: "distraction",
    5: "driver_absent",
}


def put_words(name: str, least: int, most: int, *ids: int) -> None:
    """Register ids whose value is ASCII text of a plausible length."""

    @handles(FUNCTIONS, *ids)
    def words(value: bytes, said: Said) -> bool:
        if not least <= len(value) <= most or not value.isascii():
            return False
        said.attributes[name] = text(value)
        return True


put_words("iccid", 19, 20, 0xCC, 0xD6, 0xF1)
put_words("vin", 17, 17, 0x8B)
put_words("dtcs", 5, 250, 0xA0)


def counted(value: bytes, size: int) -> list[bytes]:
    """Entries of one size behind their count u8; none if they do not fill the value."""
    if not value or len(value) != 1 + value[0] * size:
        return []
    return [value[at : at + size] for at in range(1, len(value), size)]


def add_cells(said: Said, found: Iterable[tuple[int, int, int, int, int]]) -> bool:
    """Add base stations of MCC, MNC, LAC, cell id, strength; zeros stand for none."""
    entries = list(found)
    cells = [
        cell(mcc, mnc, lac, cid, signal_dbm(strength))
        for mcc, mnc, lac, cid, strength in entries
        if lac or cid
    ]
    if cells:
        said.attributes.setdefault("cells", []).extend(cells)
    return bool(entries)


@handles(FUNCTIONS, 0x53)
def cells_2g(value: bytes, said: Said) -> bool:
    """53: count u8, then MCC u16, MNC u8, LAC u16, cell id u16, strength u8 each."""
    return add_cells(said, (struct.unpack(">HBHHB", entry) for entry in counted(value, 8)))


@handles(FUNCTIONS, 0x5D)
def cells_4g(value: bytes, said: Said) -> bool:
    """5D: count u8, then MCC u16, MNC u8, LAC u16, cell id u32, strength u8 each."""
    return add_cells(said, (struct.unpack(">HBHIB", entry) for entry in counted(value, 10)))


@handles(FUNCTIONS, 0xEE)
def cell_serving(value: bytes, said: Said) -> bool:
    """EE: MCC u16, MNC u8, LAC u16, cell id u32, strength u8."""
    return len(value) == 10 and add_cells(said, [struct.unpack(">HBHIB", value)])


@handles(FUNCTIONS, 0xE1)
def cell_wide(value: bytes, said: Said) -> bool:
    """E1 of 12 bytes: MCC u16, MNC u16, LAC u24, cell id u32, strength u8."""
    if len(value) != 12:
        return False
    mcc, mnc, high, low, cid, strength = struct.unpack(">HHBHIB", value)
    return add_cells(said, [(mcc, mnc, high << 16 | low, cid, strength)])


@handles(FUNCTIONS, 0x54)
def wifi(value: bytes, said: Said) -> bool:
    """54: count u8, then MAC[6], strength u8 each."""
    return add_wifi(said, counted(value, 7))


@handles(FUNCTIONS, 0xEC)
def wifi_uncounted(value: bytes, said: Said) -> bool:
    """EC: MAC[6], strength u8, as often as they fit."""
    if len(value) % 7:
        return False
    return add_wifi(said, [value[at : at + 7] for at in range(0, len(value), 7)])


def add_wifi(said: Said, entries: list[bytes]) -> bool:
    """Add access points of MAC[6], strength u8."""
    if entries:
        said.attributes["wifi"] = [
            access_point(entry[:6], signal_dbm(entry[6])) for entry in entries
        ]
    return bool(entries)


@handles(FUNCTIONS, 0x56)
def battery(value: bytes, said: Said) -> bool:
    """56: battery level u8 0-10, percent u8 (no percentage where the maker does not state it)."""
    if len(value) != 2 or value[0] > 10:
        return False
    said.attributes["battery_percent"] = value[1] if 1 <= value[1] <= 100 else value[0] * 10
    return True


@handles(FUNCTIONS, 0x51)
def temperatures(value: bytes, said: Said) -> bool:
    """51: temperatures u16 0.1 °C each, with their sign in bit 15; FFFF for no sensor."""
    if not value or len(value) % 2:
        return False
    words = [raw for (raw,) in struct.iter_unpack(">H", value)]
    read = [-(raw & 0x7FFF) / 10 if raw & 0x8000 else raw / 10 for raw in words if raw != 0xFFFF]
    if read:
        said.attributes["temperature_c"] = read[0]
        said.attributes["temperatures_c"] = read
    return True


@handles(FUNCTIONS, 0xE4)
def battery_charging(value: bytes, said: Said) -> bool:
    """E4 of 2 bytes: 0 charging or 1 not, percent u8."""
    if len(value) != 2 or value[0] > 1 or value[1] > 100:
        return False
    said.attributes["charging"] = value[0] == 0
    said.attributes["battery_percent"] = value[1]
    return True


@handles(FUNCTIONS, 0xE5)
def motion(value: bytes, said: Said) -> bool:
    """E5 of 1 byte: 1 moving."""
    if len(value) != 1 or value[0] > 1:
        return False
    said.attributes["moving"] = value[0] == 1
    return True


@handles(FUNCTIONS, 0xF3)
def armed(value: bytes, said: Said) -> bool:
    """F3 of 1 byte: 1 armed."""
    if len(value) != 1 or value[0] > 1:
        return False
    said.attributes["armed"] = value[0] == 1
    return True


def safety(name: str, alarms: Mapping[int, str], *ids: int) -> None:
    """Register items of active safety: id u32, flag u8 (2 ended), kind u8, level u8, and where
    and when it was, in at least SAFETY_LEAST bytes; shorter items with these ids are others'.
    """

    @handles(FUNCTIONS, *ids)
    def event(value: bytes, said: Said) -> bool:
        if len(value) < SAFETY_LEAST:
            return False
        said.attributes[name] = value[5]
        if value[4] != 2:
            said.alarms.append(alarms.get(value[5], "other"))
        return True


safety("adas_code", ADAS_ALARMS, 0x64)
safety("driver_code", DRIVER_ALARMS, 0x65)
safety("tyre_code", {}, 0x66)
safety("blind_spot_code", {1: "blind_spot", 2: "blind_spot", 3: "blind_spot"}, 0x67)
