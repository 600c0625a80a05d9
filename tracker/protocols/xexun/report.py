"""What a frame of a Xexun device says.

Basic, behind the RMC: F or L (reception full or low), an alarm in words, imei:. Full, behind the
IMEI: satellites, altitude m, F or L and the battery in V (L: low), charging, length, CRC, MCC, MNC,
LAC hex, cell hex. Source: docs/protocols/xexun.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker.errors import DecodeError
from tracker.protocols.fields import count
from tracker.protocols.nmea.places import rmc
from tracker.protocols.reports import Report
from tracker.protocols.textfields import number, station

FRAME = re.compile(
    r"(?:\d*,(?P<phone>[^,]*),)?(?:(?P<rmc>G[PN]RMC,[^*]*)(?:\*\w{0,2})?)?"
    r",(?P<signal>[FL]),(?:(?P<alarm>[^,]*),(?:[^,]*,)*?)?\s*imei:(?P<imei>\d{15}),?(?P<tail>.*)",
    re.ASCII | re.DOTALL,
)
RMC_LEAST = 10  # fields up to the date

ALARMS: Mapping[str, str] = {
    "help me!": "sos",
    "help me": "sos",
    "low battery": "low_battery",
    "move!": "movement",
    "moved!": "movement",
    "speed": "overspeed",
    "speed!": "overspeed",
    "stockade": "geofence",
    "stockade!": "geofence",
    "ac alarm": "power_cut",
    "door alarm": "door",
    "sensor alarm": "vibration",
}
IGNITION: Mapping[str, bool] = {
    "acc on": True,
    "accstart": True,
    "acc off": False,
    "accstop": False,
}
ENDED = frozenset({"et"})  # the alarm is over: nothing is active any more
VOLTAGE = re.compile(r"([FL]):(\d+(?:\.\d+)?)V", re.ASCII)
HEX = re.compile(r"[0-9A-Fa-f]{1,8}")


def read(frame: bytes) -> tuple[str, Report]:
    """The IMEI and the report of a frame."""
    found = FRAME.fullmatch(frame.decode("ascii", "replace"))
    if found is None:
        raise DecodeError("garbage", "xexun: neither reception nor imei", frame)
    fields = found["rmc"].split(",") if found["rmc"] else []
    if len(fields) > 1 and fields[1].startswith("."):
        fields[1] = ""  # a fraction of a second is all that is left of a time that is not known
    said = rmc(fields) if len(fields) >= RMC_LEAST else Report()
    if said.lat is None:
        said.valid = False
    said.attributes["gnss_signal"] = "full" if found["signal"] == "F" else "low"
    if found["phone"]:
        said.attributes["phone"] = found["phone"]
    read_alarm((found["alarm"] or "").strip(), said)
    tail = found["tail"].strip().split(",")
    if len(tail) >= 4:
        read_tail(tail, said)
    return found["imei"], said


def read_alarm(words: str, said: Report) -> None:
    """An alarm in words; the words are kept as well."""
    said.alarms = ()
    word = words.lower()
    if not word or word in ENDED:
        return
    said.attributes["event"] = words
    said.ignition = IGNITION.get(word)
    if word in ALARMS:
        said.alarm(ALARMS[word])
        said.attributes["alarm_code"] = words


def read_tail(tail: Sequence[str], said: Report) -> None:
    """The fields of a full frame behind its IMEI."""
    said.satellites = count(tail[0])
    said.altitude_m = number(tail[1])
    voltage = VOLTAGE.fullmatch(tail[2])
    if voltage is not None:
        said.attributes["battery_v"] = float(voltage[2])
        if voltage[1] == "L":
            said.alarm("low_battery")
    if tail[3] in ("0", "1"):
        said.attributes["charging"] = tail[3] == "1"
    if len(tail) < 10 or not all(HEX.fullmatch(text) for text in tail[6:10]):
        return
    mcc, mnc = tail[6:8]
    if mcc.isdecimal() and mnc.isdecimal():
        lac, cid = int(tail[8], 16), int(tail[9], 16)
        if not (lac or cid):
            return
        said.attributes["cells"] = [station(int(mcc), int(mnc), lac, cid)]
