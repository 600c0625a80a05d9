"""The emergencies and alerts of Suntech devices that are alarms; all other codes are events."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.protocols.reports import Report

EMERGENCIES: Mapping[int, str] = {
    1: "sos",
    2: "parking",
    3: "power_cut",
    5: "door",
    6: "door",
    7: "movement",
    8: "vibration",
}
ALERTS: Mapping[int, str] = {
    1: "overspeed",
    5: "geofence_exit",
    6: "geofence_enter",
    14: "low_battery",
    15: "vibration",
    16: "collision",
    41: "power_cut",
    42: "sos",
    46: "acceleration",
    47: "braking",
    50: "jamming",
}
DRIVER = 59  # the alert whose data is the identity of a driver


def enter(said: Report, code: int, table: Mapping[int, str]) -> None:
    """Enter a code into a report, as an alarm if it stands for one."""
    name = table.get(code)
    if name is not None:
        said.alarm(name)
    said.attributes["alarm_code" if name else "event"] = code
