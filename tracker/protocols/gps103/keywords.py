"""The keywords of GPS103 reports: alarms, states, confirmations."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracker.protocols.reports import Report
from tracker.protocols.textfields import amount

ALARMS: Mapping[str, str] = {
    "help me": "sos",
    "low battery": "low_battery",
    "move": "movement",
    "speed": "overspeed",
    "stockade": "geofence",
    "ac alarm": "power_cut",
    "door alarm": "door",
    "sensor alarm": "vibration",
    "acc alarm": "ignition_illegal",
    "accident alarm": "collision",
    "bonnet alarm": "bonnet",
    "footbrake alarm": "foot_brake",
    "gps": "gnss_lost",
    "oil": "fuel_abnormal",
    "oil1": "fuel_abnormal",
    "oil2": "fuel_abnormal",
    "t": "temperature",
    "dtc": "engine_fault",
    "service": "service",
}
SOS = "help me"
IGNITION: Mapping[str, bool] = {"acc on": True, "acc off": False}
# Normal reports, at intervals or asked for.
PLAIN = frozenset({"", "tracker", "001", "000"})
CONFIRMATION = re.compile(r"[a-z]t")
# A keyword with a number behind it: T:+28.0, oil 51.67, oil1 40%.
MEASURED = re.compile(r"(t|oil[12]?)[: ]*([+-]?\d+(?:\.\d+)?)%?", re.ASCII)
MEASURES: Mapping[str, str] = {
    "t": "temperature_c",
    "oil": "fuel_percent",
    "oil1": "fuel_percent",
    "oil2": "fuel2_percent",
}


def read_keyword(keyword: str, said: Report) -> None:
    """What the keyword says of the vehicle; the word itself is kept where it says anything."""
    word = keyword.strip().lower()
    if word in PLAIN:
        return
    said.attributes["event"] = keyword.strip()
    measured = MEASURED.fullmatch(word)
    if measured is not None:
        word = measured[1]
        said.attributes[MEASURES[word]] = amount(measured[2])
    if word in ALARMS:
        said.alarm(ALARMS[word])
        said.attributes["alarm_code"] = word
    if word in IGNITION:
        said.ignition = IGNITION[word]
    elif word in ("lt", "mt"):
        said.attributes["armed"] = word == "lt"
    elif word in ("jt", "kt"):
        said.attributes["engine_cut"] = word == "jt"


def is_confirmation(keyword: str) -> bool:
    """Whether this keyword says that a command was carried out."""
    return CONFIRMATION.fullmatch(keyword.strip().lower()) is not None
