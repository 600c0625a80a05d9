"""The blocks of GT06 information: date, place, base stations, status and what may follow."""

from __future__ import annotations

import struct

from tracker.protocols.fields import cell, check_coordinates, check_course, unix_time
from tracker.protocols.gt06.report import EXTRA_MOST, Block, Report, imei, number

DEGREE = 1_800_000  # units of latitude and longitude

# Codes of the alarm byte. Tables differ between models, so the code itself is kept as well.
ALARM_CODES = {
    0x01: "sos",
    0x02: "power_cut",
    0x03: "vibration",
    0x04: "geofence_enter",
    0x05: "geofence_exit",
    0x06: "overspeed",
    0x09: "tow",
    0x0A: "gnss_lost",
    0x0B: "gnss_recovered",
    0x0C: "power_on",
    0x0D: "first_fix",
    0x0E: "power_low",
    0x0F: "power_low",
    0x10: "sim_changed",
    0x11: "power_off",
    0x12: "airplane_mode",
    0x13: "tamper",
    0x14: "door",
    0x15: "power_off",
    0x16: "sound",
    0x17: "fake_cell",
    0x18: "tamper",
    0x19: "low_battery",
    0x20: "sleep",
    0x23: "fall",
    0x29: "acceleration",
    0x2A: "cornering",
    0x2B: "cornering",
    0x2C: "collision",
    0x30: "braking",
    0x32: "unplugged",
    0xFE: "ignition_on",
    0xFF: "ignition_off",
}

# Bits 3 to 5 of the terminal information byte.
STATUS_ALARMS = {1: "vibration", 2: "power_cut", 3: "low_battery", 4: "sos"}

VOLTAGE_FULL = 6  # levels 0 to 6; devices that state percent go beyond
SIGNAL_FULL = 4  # levels 0 to 4; devices that state CSQ go beyond
CSQ_FULL = 31  # the greatest of 3GPP TS 27.007; devices that state percent go beyond


def date(report: Report, info: bytes, at: int) -> int:
    """Year-2000, month, day, hour, minute, second, one byte each. Year 0: the clock is not set."""
    year, month, day, hour, minute, second = struct.unpack_from(">6B", info, at)
    if year:
        report.time = unix_time(2000 + year, month, day, hour, minute, second)
    return at + 6


def place(report: Report, info: bytes, at: int) -> int:
    """Block length and satellites u8 (nibbles), latitude u32, longitude u32 (1/1,800,000°), speed
    u8 km/h, flags u16: bits 0-9 course, 10 north, 11 west, 12 fixed, 14 bit 15 means ignition.
    """
    counts, lat, lon, speed, flags = struct.unpack_from(">BIIBH", info, at)
    report.satellites = counts & 15
    read_place(report, lat, lon, flags)
    report.speed_kmh = float(speed)
    return at + 12


def read_place(report: Report, lat: int, lon: int, flags: int) -> None:
    """Coordinates and their flags, see `place`."""
    report.lat = lat / DEGREE if flags & 0x0400 else -lat / DEGREE
    report.lon = -lon / DEGREE if flags & 0x0800 else lon / DEGREE
    check_coordinates(report.lat, report.lon)
    report.course_deg = check_course(float(flags & 0x03FF))
    report.valid = bool(flags & 0x1000)
    report.placed = True
    if flags & 0x4000:
        report.ignition = bool(flags & 0x8000)


def gps(report: Report, info: bytes, at: int) -> int:
    """Date and place: the 18 bytes at the front of every position."""
    return place(report, info, date(report, info, at))


OLDEST_YEAR = 10  # 2010: no device of this protocol is older
NO_COUNTRY = 0x7C  # bits of the high byte of MCC that no country has, all being below 1000


def holds_gps(info: bytes) -> bool:
    """Whether a position stands in front, and not base stations: a date, then the length and
    satellites of a place where those would have a country, then coordinates that are some.
    """
    if len(info) < 18 or not info[6] & NO_COUNTRY:
        return False
    if not (info[0] >= OLDEST_YEAR and 1 <= info[1] <= 12 and 1 <= info[2] <= 31):
        return False
    lat, lon = int.from_bytes(info[7:11], "big"), int.from_bytes(info[11:15], "big")
    course_deg = int.from_bytes(info[16:18], "big") & 0x03FF
    return lat <= 90 * DEGREE and lon <= 180 * DEGREE and course_deg <= 360


# Sizes of a base station's block: bytes of MNC, of LAC and of cell id, behind MCC u16.
CELL_SIZES = {
    8: (1, 2, 3),
    9: (1, 2, 4),
    10: (2, 2, 4),
    15: (1, 4, 8),
    16: (2, 4, 8),
}
WIDE_MNC = 0x8000  # bit 15 of MCC: MNC has two bytes


def station(report: Report, info: bytes, at: int, count: int) -> int:
    """MCC u16, MNC, LAC, cell id; `count` bytes in all. Zeros stand for none."""
    mnc_size, lac_size, cid_size = CELL_SIZES[count]
    mcc = int.from_bytes(info[at : at + 2], "big")
    if mcc & WIDE_MNC and count == 9:
        mnc_size, cid_size = 2, 3
    parts = []
    end = at + 2
    for part_size in (mnc_size, lac_size, cid_size):
        parts.append(int.from_bytes(info[end : end + part_size], "big"))
        end += part_size
    if end > len(info):
        raise IndexError("base station cut off")
    if any(parts):
        report.attributes["cells"] = [cell(mcc & ~WIDE_MNC, *parts)]
    return end


def station_2g(report: Report, info: bytes, at: int) -> int:
    """MCC u16, MNC u8 (u16 if bit 15 of MCC is set), LAC u16, cell id u24."""
    return station(report, info, at, 9 if info[at] & 0x80 else 8)


def station_wide(report: Report, info: bytes, at: int) -> int:
    """MCC u16, MNC u8, LAC u16, cell id u32: 2G layout with a 4G cell id, of some clones."""
    return station(report, info, at, 9)


def station_4g(report: Report, info: bytes, at: int) -> int:
    """MCC u16, MNC u8 (u16 if bit 15 of MCC is set), LAC u32, cell id u64."""
    return station(report, info, at, 16 if info[at] & 0x80 else 15)


def station_sized(tails: tuple[int, ...]) -> Block:
    """A base station behind its length u8, which may or may not count itself.

    `tails` are the possible numbers of bytes behind it; they decide which of the two it is.
    """

    def block(report: Report, info: bytes, at: int) -> int:
        stated = info[at]
        left = len(info) - at - 1
        for count in (stated - 1, stated):
            if count in CELL_SIZES and left - count in tails:
                return station(report, info, at + 1, count)
        if left < tails[0]:
            raise IndexError("status cut off")
        report.attributes["extra"] = info[at : at + 1 + left - tails[0]][:EXTRA_MOST].hex()
        return at + 1 + left - tails[0]

    return block


def terminal(report: Report, info: bytes, at: int) -> int:
    """Terminal information u8: bit 0 armed, 1 ignition, 2 charging, 3-5 alarm (1 vibration, 2
    power cut, 3 low battery, 4 SOS), 6 fixed, 7 fuel or power cut off.
    """
    bits = info[at]
    report.ignition = bool(bits & 2)
    report.attributes["armed"] = bool(bits & 1)
    report.attributes["charging"] = bool(bits & 4)
    report.attributes["engine_cut"] = bool(bits & 128)
    report.alarm(STATUS_ALARMS.get(bits >> 3 & 7))
    return at + 1


def voltage_level(report: Report, info: bytes, at: int) -> int:
    """Battery u8: a level of 0 to 6, or percent."""
    level = info[at]
    if level <= VOLTAGE_FULL:
        report.attributes["battery_percent"] = round(level * 100 / VOLTAGE_FULL)
    elif level <= 100:
        report.attributes["battery_percent"] = level
    return at + 1


def signal(report: Report, info: bytes, at: int) -> int:
    """Signal u8: a level of 0 to 4, CSQ to 31, or percent to 100."""
    value = info[at]
    if value <= SIGNAL_FULL:
        report.attributes["signal_level"] = value
    elif value <= CSQ_FULL:
        report.attributes["signal_csq"] = value
    elif value <= 100:
        report.attributes["signal_percent"] = value
    return at + 1


def alarm_code(report: Report, info: bytes, at: int) -> int:
    """Alarm u8, see ALARM_CODES; 0 is none."""
    code = info[at]
    if code:
        report.attributes["alarm_code"] = code
        report.alarm(ALARM_CODES.get(code, "other"))
        if code in (0xFE, 0xFF):
            report.ignition = code == 0xFE
    return at + 1


def language(report: Report, info: bytes, at: int) -> int:
    """Language u8: 1 Chinese, 2 English, 0 no answer wanted."""
    report.language = info[at]
    return at + 1


def status(report: Report, info: bytes, at: int) -> int:
    """Terminal information, battery, signal, alarm and language: five bytes."""
    for block in (terminal, voltage_level, signal, alarm_code, language):
        at = block(report, info, at)
    return at


def ignition(report: Report, info: bytes, at: int) -> int:
    """Ignition u8: 1 on."""
    report.ignition = bool(info[at])
    return at + 1


def upload(report: Report, info: bytes, at: int) -> int:
    """Upload mode u8 (why it was sent), re-upload u8: 1 for a fix from memory."""
    report.attributes["upload_mode"] = info[at]
    report.stored = info[at + 1] == 1
    return at + 2


def extension(report: Report, info: bytes, at: int) -> int:
    """Language or port status u16: 1 Chinese, 2 English; anything else is kept."""
    value = int.from_bytes(info[at : at + 2], "big")
    if value > 2:
        report.attributes["extension"] = value
    return at + 2


def identity(report: Report, info: bytes, at: int) -> int:
    """IMEI BCD[8]."""
    report.attributes["imei"] = imei(info[at : at + 8])
    return at + 8


def driver_card(report: Report, info: bytes, at: int) -> int:
    """Identity of a driver's card, eight bytes."""
    report.attributes["driver_id"] = info[at : at + 8].hex()
    return at + 8


odometer = number("odometer_m", 4)
fence = number("geofence_number", 1)
external_voltage = number("external_v", 2, 0.01)
battery_voltage = number("battery_v", 2, 0.01)
