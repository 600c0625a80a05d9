"""The status word and the battery level of H02, in texts and records alike."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.protocols.reports import Report

IGNITION_OFF, DOOR_OPEN, ARMED, ENGINE_ON, ENGINE_CUT = 10, 8, 9, 13, 27

# Alarms by bit, of the 32-bit number that the four bytes are as they are sent. All logic is
# negative: active is 0. Makers disagree; option `h02_alarms` changes single bits ("" for no alarm).
# Bits 14, 23 and 29 to 31 are custom and sensor inputs, which some models hold at 0 for good.
ALARM_BITS: Mapping[int, str] = {
    0: "vibration",
    1: "sos",
    2: "overspeed",
    3: "ignition_illegal",
    4: "geofence_enter",
    5: "gnss_antenna",
    6: "gnss_antenna",
    7: "geofence_exit",
    11: "vibration",
    12: "low_battery",
    15: "overspeed",
    16: "gnss_fault",
    17: "vibration",
    18: "sos",
    19: "power_cut",
    20: "power_cut",
    21: "gnss_antenna",
    22: "gnss_antenna",
    24: "temperature",
    25: "movement",
    26: "tamper",
    28: "power_cut",
}
ALL_QUIET = sum(1 << bit for bit in ALARM_BITS)

# The steps 1 to 6 of the battery.
LEVELS = (10, 20, 40, 60, 80, 100)


def read_status(word: int, report: Report, changed: Mapping[int, str]) -> None:
    """Ignition, door, relay and alarms of a status word; the word itself is kept as well."""
    report.ignition = bool(word >> IGNITION_OFF & 1)
    report.attributes["status"] = f"{word:08X}"
    report.attributes["engine_cut"] = not word >> ENGINE_CUT & 1
    report.attributes["door_open"] = not word >> DOOR_OPEN & 1
    if not word >> ARMED & 1:
        report.attributes["armed"] = True
    if not word >> ENGINE_ON & 1:
        report.attributes["engine_on"] = True
    report.alarms = ()
    if word & ALL_QUIET == ALL_QUIET and not changed:
        return
    for bit, name in {**ALARM_BITS, **changed}.items():
        if name and not word >> bit & 1:
            report.alarm(name)


def level_percent(level: int) -> int | None:
    """Battery in percent from a step 1 to 6 (also F1 to F6) or, above, from percent itself."""
    if level > 0xF0:
        level -= 0xF0
    if 1 <= level <= len(LEVELS):
        return LEVELS[level - 1]
    return level if len(LEVELS) < level <= 100 else None
