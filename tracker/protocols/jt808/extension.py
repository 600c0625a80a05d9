"""Item EB of JT/T 808 locations (BSJ and others): a list within the list, a zone, or stations."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from tracker.protocols.fields import cell, signal_dbm, text
from tracker.protocols.jt808.said import Said
from tracker.protocols.stream import handles

ENTRIES: dict[int, Callable[[bytes, Said], bool]] = {}

NUMBERS: Mapping[tuple[int, int], tuple[str, float]] = {
    (0x2D, 2): ("battery_v", 0.001),
    (0x2D, 4): ("external_v", 0.001),
    (0xA8, 1): ("battery_percent", 1),
    (0xE1, 1): ("battery_percent", 1),
}

ZONE = re.compile(rb"UTC([+-])(\d\d):(\d\d)")
LEAST_MCC = 200  # country codes begin here; lengths of entries are smaller


def extension(value: bytes, said: Said) -> bool:
    """EB: entries of length u16 (of id and data), id u16, data; or "UTC+hh:mm", the zone of the
    terminal's clock; or MCC u16, MNC u8 and stations of LAC u16, cell id u16, strength u8.
    """
    zone = ZONE.fullmatch(value)
    if zone is not None:
        seconds = int(zone[2]) * 3600 + int(zone[3]) * 60
        said.attributes["utc_offset_s"] = -seconds if zone[1] == b"-" else seconds
        return True
    if len(value) < 4:
        return False
    if int.from_bytes(value[:2], "big") > LEAST_MCC:
        return stations(value, said)
    at = 0
    while at + 4 <= len(value):
        length, kind = struct.unpack_from(">HH", value, at)
        end = at + 2 + length
        if length < 2 or end > len(value):
            break
        entry(kind, value[at + 4 : end], said)
        at = end
    return at > 0


def entry(kind: int, data: bytes, said: Said) -> None:
    """One entry: a number, or something with a function, or hex."""
    number = NUMBERS.get((kind, len(data)))
    if number is not None:
        raw = int.from_bytes(data, "big")
        said.attributes[number[0]] = raw if number[1] == 1 else round(raw * number[1], 3)
        return
    reader = ENTRIES.get(kind)
    if reader is None or not reader(data, said):
        said.attributes.setdefault("items", {})[f"eb{kind:04x}"] = data.hex()


def stations(value: bytes, said: Said) -> bool:
    """MCC u16, MNC u8, then LAC u16, cell id u16, strength u8 as often as they fit."""
    mcc, mnc = struct.unpack_from(">HB", value)
    if (len(value) - 3) % 5:
        return False
    found = [
        cell(mcc, mnc, lac, cid, signal_dbm(strength))
        for lac, cid, strength in struct.iter_unpack(">HHB", value[3:])
        if lac or cid
    ]
    if found:
        said.attributes["cells"] = found
    return True


@handles(ENTRIES, 0xB2)
def sim(data: bytes, said: Said) -> bool:
    """00B2: ICCID BCD[10]; F pads one of 19 digits."""
    if len(data) != 10:
        return False
    said.attributes["iccid"] = data.hex().rstrip("f")
    return True


@handles(ENTRIES, 0xD5)
def device_identity(data: bytes, said: Said) -> bool:
    """00D5: IMEI in ASCII."""
    if len(data) != 15 or not data.isdigit():
        return False
    said.attributes["imei"] = text(data)
    return True


@handles(ENTRIES, 0xD8)
def station_4g(data: bytes, said: Said) -> bool:
    """00D8: MCC u16, MNC u8, LAC u16, cell id u32; zeros for none."""
    if len(data) != 9:
        return False
    mcc, mnc, lac, cid = struct.unpack(">HBHI", data)
    if lac or cid:
        said.attributes["cells"] = [cell(mcc, mnc, lac, cid)]
    return True


@handles(ENTRIES, 0xB9)
def wifi(data: bytes, said: Said) -> bool:
    """00B9: count u8, then "MAC,dBm" in ASCII, separated by commas."""
    parts = text(data[1:]).rstrip("*,").split(",")
    points = [
        {"mac": mac.lower(), "rssi_dbm": int(strength)}
        for mac, strength in zip(parts[::2], parts[1::2], strict=False)
        if len(mac) == 17 and strength.lstrip("-").isdecimal()
    ]
    if points:
        said.attributes["wifi"] = points
    return bool(points)


# Entries 0089 and 00C5 are status words of which a bit is 0 while its alarm lasts. Makers agree
# on these two bits only, so the words themselves are kept as well.
@handles(ENTRIES, 0x89)
def state(data: bytes, said: Said) -> bool:
    """0089: bit 12 is 0 when the device was taken off."""
    if len(data) == 4 and not data[2] & 0x10:
        said.alarms.append("tamper")
    return False


@handles(ENTRIES, 0xC5)
def sensor_state(data: bytes, said: Said) -> bool:
    """00C5: bit 6 is 0 on vibration."""
    if len(data) == 4 and not data[3] & 0x40:
        said.alarms.append("vibration")
    return False
