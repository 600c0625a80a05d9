"""Items behind a location: id u8, length u8, value. The standard's own, and the list itself.

Numbers stand in one table, by id and length; what is more than a number has a function. An item
that is in neither, or whose length is another, is kept as hex under `items`. The list ends where
an item overruns it, as happens with many terminals; the position is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker.protocols.jt808.extension import extension
from tracker.protocols.jt808.said import Said
from tracker.protocols.jt808.vendor import FUNCTIONS as VENDOR_FUNCTIONS
from tracker.protocols.jt808.vendor import NUMBERS as VENDOR_NUMBERS
from tracker.protocols.stream import handles, merged

# True if the value was understood.
Reader = Callable[[bytes, Said], bool]
STANDARD: dict[int, Reader] = {}

Number = tuple[str, float, float]  # attribute, factor, then offset
NUMBERS: Mapping[tuple[int, int], Number] = {
    (0x01, 4): ("odometer_m", 100, 0),
    (0x03, 2): ("recorder_speed_kmh", 0.1, 0),
    (0x04, 2): ("alarm_event_id", 1, 0),
    (0x15, 4): ("video_lost_channels", 1, 0),
    (0x16, 4): ("video_covered_channels", 1, 0),
    (0x17, 2): ("storage_fault_units", 1, 0),
    (0x25, 4): ("vehicle_signals", 1, 0),
    (0x2A, 2): ("io_status", 1, 0),
    (0x30, 1): ("signal_csq", 1, 0),
    **VENDOR_NUMBERS,
}


def read_items(body: bytes, at: int, said: Said) -> None:
    """Read the items from `at` on."""
    end, attributes = len(body), said.attributes
    while at + 2 <= end:
        kind, size = body[at], body[at + 1]
        start = at + 2
        at = start + size
        if at > end:
            return
        value = body[start:at]
        number = NUMBERS.get((kind, size))
        if number is not None:
            name, factor, offset = number
            raw = int.from_bytes(value, "big")
            attributes[name] = (raw if factor == 1 else round(raw * factor, 3)) + offset
            continue
        reader = READERS.get(kind)
        if reader is None or not reader(value, said):
            attributes.setdefault("items", {})[f"{kind:02x}"] = value.hex()


@handles(STANDARD, 0x02)
def fuel(value: bytes, said: Said) -> bool:
    """02: fuel u16, 0.1 L; with bit 15 set, percent."""
    if len(value) != 2:
        return False
    raw = int.from_bytes(value, "big")
    if raw & 0x8000:
        said.attributes["fuel_percent"] = raw & 0x7FFF
    else:
        said.attributes["fuel_l"] = raw / 10
    return True


@handles(STANDARD, 0x06)
def cabin_temperature(value: bytes, said: Said) -> bool:
    """06: temperature in °C u16, with its sign in bit 15."""
    if len(value) != 2:
        return False
    raw = int.from_bytes(value, "big")
    said.attributes["temperature_c"] = -(raw & 0x7FFF) if raw & 0x8000 else raw
    return True


@handles(STANDARD, 0x11)
def overspeed_place(value: bytes, said: Said) -> bool:
    """11: kind of place u8 (0 none, 1 circle, 2 rectangle, 3 polygon, 4 segment), its id u32."""
    if len(value) not in (1, 5):
        return False
    said.attributes["area_type"] = value[0]
    if len(value) == 5:
        said.attributes["area_id"] = int.from_bytes(value[1:], "big")
    return True


@handles(STANDARD, 0x12)
def area(value: bytes, said: Said) -> bool:
    """12: kind of place u8, its id u32, direction u8: 0 in, 1 out."""
    if len(value) != 6:
        return False
    said.attributes["area_type"] = value[0]
    said.attributes["area_id"] = int.from_bytes(value[1:5], "big")
    said.attributes["area_leaving"] = value[5] == 1
    return True


@handles(STANDARD, 0x13)
def segment(value: bytes, said: Said) -> bool:
    """13: segment id u32, time on it u16 s, result u8: 0 too short, 1 too long."""
    if len(value) != 7:
        return False
    said.attributes["route_id"] = int.from_bytes(value[:4], "big")
    said.attributes["route_seconds"] = int.from_bytes(value[4:6], "big")
    said.attributes["route_too_long"] = value[6] == 1
    return True


@handles(STANDARD, 0x14)
def video_alarm(value: bytes, said: Said) -> bool:
    """14 (JT/T 1078): video alarm bits u32: 0 signal lost, 1 covered, 2 storage fault ..."""
    if len(value) != 4:
        return False
    bits = int.from_bytes(value, "big")
    said.attributes["video_alarm_code"] = bits
    if bits:
        said.alarms.append("video")
    return True


@handles(STANDARD, 0x18)
def abnormal_driving(value: bytes, said: Said) -> bool:
    """18 (JT/T 1078): bits u16: 0 fatigue, 1 telephone, 2 smoking; then perhaps a degree u8."""
    if len(value) not in (2, 3):
        return False
    bits = int.from_bytes(value[:2], "big")
    said.attributes["driving_alarm_code"] = bits
    names = ("fatigue", "phone_use", "smoking")
    said.alarms.extend(name for bit, name in enumerate(names) if bits >> bit & 1)
    return True


@handles(STANDARD, 0x2B)
def analog(value: bytes, said: Said) -> bool:
    """2B: two analog inputs, u16 each: AD1 in front, AD0 behind."""
    if len(value) != 4:
        return False
    said.attributes["adc1"] = int.from_bytes(value[:2], "big")
    said.attributes["adc0"] = int.from_bytes(value[2:], "big")
    return True


@handles(STANDARD, 0x31)
def satellites(value: bytes, said: Said) -> bool:
    """31: satellites u8."""
    if len(value) != 1:
        return False
    said.satellites = value[0]
    return True


READERS: dict[int, Reader] = merged(STANDARD, VENDOR_FUNCTIONS, {0xEB: extension})
