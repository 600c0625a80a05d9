"""Engine data of an Eelink package 07: PIDs of SAE J1979 mode 01, each in four bytes.

The data bytes A, B … stand first, the rest is filling. PIDs from 80 on are the maker's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PAIR = 5  # PID, value
KELVIN_C = 40  # degrees that temperatures are shifted by

Reader = Callable[[bytes], float]


def percent(value: bytes) -> float:
    """A of 255."""
    return round(value[0] * 100 / 255, 1)


def shifted_c(value: bytes) -> float:
    """A - 40 degrees Celsius."""
    return value[0] - KELVIN_C


def one(value: bytes) -> float:
    """A."""
    return value[0]


def two(value: bytes) -> float:
    """A and B."""
    return int.from_bytes(value[:2], "big")


def over(divisor: int) -> Reader:
    """A and B over a divisor."""
    return lambda value: round(two(value) / divisor, 3)


def four(value: bytes) -> float:
    """The whole."""
    return int.from_bytes(value, "big")


PIDS: dict[int, tuple[str, Reader]] = {
    0x04: ("engine_load_percent", percent),
    0x05: ("coolant_c", shifted_c),
    0x0B: ("intake_pressure_kpa", one),
    0x0C: ("engine_rpm", over(4)),
    0x0D: ("obd_speed_kmh", one),
    0x0F: ("intake_c", shifted_c),
    0x10: ("intake_flow", over(100)),
    0x11: ("throttle_percent", percent),
    0x1F: ("engine_run_s", two),
    0x21: ("mil_distance_km", two),
    0x2F: ("fuel_percent", percent),
    0x33: ("barometric_kpa", one),
    0x42: ("external_v", over(1000)),
    0x46: ("ambient_c", shifted_c),
    0x49: ("pedal_percent", percent),
    0x5E: ("fuel_l_h", over(20)),
    0x89: ("fuel_consumption", four),
    0x8A: ("obd_odometer_m", lambda value: four(value) * 1000),
    0x8B: ("fuel_level", lambda value: four(value) / 10),
}


def read(content: bytes, at: int, attributes: dict[str, Any]) -> None:
    """Take all pairs from `at` on; PIDs that are not known are kept in `items` as hex."""
    items: dict[str, str] = {}
    while at + PAIR <= len(content):
        pid, value = content[at], content[at + 1 : at + PAIR]
        known = PIDS.get(pid)
        if known is not None:
            attributes[known[0]] = known[1](value)
        else:
            items[f"{pid:02x}"] = value.hex()
        at += PAIR
    if items:
        attributes["items"] = items
