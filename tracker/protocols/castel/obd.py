"""Engine data of Castel's OBD devices: PIDs u16, of which 21xx is SAE J1979's PID xx.

Values are little-endian and worked out already: degrees are degrees and revolutions are
revolutions. How long a value is follows from its PID.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ITEMS_MOST = 64  # values kept of PIDs that are not known

ONE = (
    *range(0x04, 0x0A), 0x0B, 0x0D, 0x0E, 0x0F, 0x11, 0x12, 0x13, 0x1C, 0x1D, 0x1E, 0x2C, 0x2D,
    0x2E, 0x2F, 0x30, 0x33, *range(0x45, 0x4D), 0x51, 0x52, 0x5A,
)  # fmt: skip
TWO = (
    0x02, 0x03, 0x0A, 0x0C, 0x10, *range(0x14, 0x1C), 0x1F, 0x21, 0x22, 0x23, 0x31, 0x32,
    *range(0x3C, 0x40), 0x42, 0x43, 0x44, 0x4D, 0x4E, 0x50, *range(0x53, 0x5A),
)  # fmt: skip
FOUR = (
    0x00, 0x01, 0x20, *range(0x24, 0x2C), *range(0x34, 0x3C), 0x40, 0x41, 0x4F, 0xA6,
)  # fmt: skip
SIZES = {
    **dict.fromkeys(ONE, 1), **dict.fromkeys(TWO, 2), **dict.fromkeys(FOUR, 4),
    0x67: 3,  # two sensors of the coolant behind a byte that says which are there
}  # fmt: skip

MODE = 0x2100  # PIDs of this page are SAE's
LARGEST_C = 215  # that a PID can state; a byte above it is a negative number

# By SAE's PID: attribute and what one unit of the value is.
NAMES: dict[int, tuple[str, float]] = {
    0x04: ("engine_load_percent", 1),
    0x05: ("coolant_c", 1),
    0x0B: ("intake_pressure_kpa", 1),
    0x0C: ("engine_rpm", 1),
    0x0D: ("obd_speed_kmh", 1),
    0x0F: ("intake_c", 1),
    0x10: ("intake_flow", 0.01),
    0x11: ("throttle_percent", 1),
    0x1F: ("engine_run_s", 1),
    0x21: ("mil_distance_km", 1),
    0x2F: ("fuel_percent", 1),
    0x33: ("barometric_kpa", 1),
    0x42: ("external_v", 0.001),
    0x46: ("ambient_c", 1),
    0xA6: ("obd_odometer_m", 100),
}


def pids(content: bytes, at: int, count: int) -> list[int]:
    """So many PIDs u16."""
    if at + 2 * count > len(content):
        raise IndexError("PIDs cut off")
    return [
        int.from_bytes(content[start : start + 2], "little")
        for start in range(at, at + 2 * count, 2)
    ]


def size_of(pid: int) -> int | None:
    """Bytes of a value; None for a PID that is not known."""
    return SIZES.get(pid & 0xFF) if pid & 0xFF00 in (MODE, 0) else None


def values(found: Sequence[int], data: bytes, attributes: dict[str, Any]) -> None:
    """The values of these PIDs, one behind the other.

    One PID of unknown size takes what the others leave; behind a second one nothing can be told.
    """
    known = sum(size_of(pid) or 0 for pid in found)
    strange = sum(size_of(pid) is None for pid in found)
    at = 0
    for pid in found:
        size = size_of(pid)
        if size is None:
            if strange > 1:
                attributes["extra"] = data[at : at + ITEMS_MOST].hex()
                return
            size = max(0, len(data) - known)
        keep(pid, data[at : at + size], attributes)
        at += size


def keep(pid: int, value: bytes, attributes: dict[str, Any]) -> None:
    """One value under its name; others as hex in `items`, by PID."""
    named = NAMES.get(pid & 0xFF) if size_of(pid) == len(value) else None
    if named is None:
        items = attributes.setdefault("items", {})
        if value and len(items) < ITEMS_MOST:
            items[f"{pid:04x}"] = value.hex()
        return
    name, unit = named
    number = int.from_bytes(value, "little")
    if name.endswith("_c") and number > LARGEST_C:
        number -= 256
    attributes[name] = number if unit == 1 else round(number * unit, 3)


def codes(content: bytes, at: int, count: int, step: int) -> list[str]:
    """Trouble codes u16 in the words of SAE J2012, `step` bytes from one to the next."""
    return [
        code(int.from_bytes(content[start : start + 2], "little"))
        for start in range(at, min(len(content) - 1, at + count * step), step)
    ]


def code(number: int) -> str:
    """Letter in bits 14-15, then a digit in bits 12-13 and three hex digits."""
    return f"{'PCBU'[number >> 14]}{number >> 12 & 3}{number & 0xFFF:03X}"
