"""The event codes of Meitrack devices. Those that models disagree about are not named."""

from __future__ import annotations

from collections.abc import Mapping

REPLY = 34  # the answer to A10
GEOFENCES = (20, 21)
CARD = 37

ALARMS: Mapping[int, str] = {
    1: "sos",
    17: "low_battery",
    18: "power_low",
    19: "overspeed",
    20: "geofence_enter",
    21: "geofence_exit",
    23: "power_cut",
    24: "gnss_lost",
    25: "gnss_recovered",
    26: "sleep",
    28: "gnss_antenna",
    36: "tow",
    40: "power_off",
    44: "jamming",
    50: "temperature",
    51: "temperature",
    78: "collision",
    90: "cornering",
    91: "cornering",
    129: "braking",
    130: "acceleration",
    135: "fatigue",
}
