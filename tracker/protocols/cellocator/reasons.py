"""Why a Cellocator unit transmits: the codes of the status message that are alarms."""

from __future__ import annotations

from collections.abc import Mapping

TOW, TOW_ENDED = 8, 2  # the reason, and the value of its data with which a tow is over

# Codes that stand for the end of something, or for periodic reports, are events and not here.
ALARMS: Mapping[int, str] = {
    4: "sos",
    5: "door",
    7: "gnss_fault",
    TOW: "tow",
    9: "stolen",
    15: "collision",
    25: "tow",
    34: "overspeed",
    35: "idling",
    68: "ignition_illegal",
    70: "sos",
    80: "power_cut",
    81: "power_low",
    82: "tamper",
    83: "low_battery",
    99: "braking",
    100: "cornering",
    101: "acceleration",
    145: "sos",
    154: "sleep",
    158: "tamper",
}


def alarm(reason: int, detail: int) -> str | None:
    """The alarm that a reason stands for, if it does."""
    if reason == TOW and detail == TOW_ENDED:
        return None
    return ALARMS.get(reason)
