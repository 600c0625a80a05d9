"""What some makers say around NMEA: states behind a checksum, inputs, a protocol of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracker.protocols.reports import Report
from tracker.protocols.textfields import (
    EXTRA_MOST,
    amounts,
    bad,
    course,
    dated,
    in_view,
    number,
    signed,
)

IMEI = re.compile(r"\d{15}", re.ASCII)
BITS = re.compile(r"[01]{8}")
HEX = re.compile(r"0x[0-9A-Fa-f]{1,8}")


def behind_checksum(behind: Sequence[str], said: Report) -> str | None:
    """Satellites, IMEI, ignition, fuel percent, battery percent, then inputs of the maker's.

    Returns the IMEI; None, and nothing read, if it does not stand there.
    """
    if len(behind) < 2 or IMEI.fullmatch(behind[1]) is None:
        return None
    said.satellites = in_view(behind[0])
    if len(behind) > 2 and behind[2] in ("0", "1"):
        said.ignition = behind[2] == "1"
    said.attributes |= amounts(("fuel_percent", "battery_percent"), behind[3:5])
    if len(behind) > 5:
        said.attributes["extra"] = ",".join(behind[5:])[:EXTRA_MOST]
    return behind[1]


def inputs(fields: Sequence[str]) -> dict[str, Any]:
    """GPIOP: inputs and outputs as bits, four analog inputs in V, supply V, battery V."""
    found: dict[str, Any] = dict(amounts(ANALOG, fields[3:9]))
    for name, text in (("inputs", fields[1]), ("outputs", fields[2])):
        if BITS.fullmatch(text) is None:
            raise bad("inputs", text)
        found[name] = int(text, 2)
    return found


ANALOG = ("adc1_v", "adc2_v", "adc3_v", "adc4_v", "external_v", "battery_v")


def wmcs(fields: Sequence[str], said: Report) -> bool:
    """ID of WMCS: words, each followed by its values. False if there is no position.

    GPS.. A|V, D ddmmyy, T hhmmss, S visible:used, La degrees N|S, Lo degrees E|W, H course,
    V speed km/h; also ALARM code, IOP, O and I in hex.
    """
    start = next((at for at, word in enumerate(fields) if word.startswith("GPS")), len(fields))
    behind = start + 2  # the word itself and A or V
    words = {word: at for at, word in enumerate(fields) if word in WORDS and at >= behind}
    words |= {word: at for at, word in enumerate(fields) if word in FRONT and at < start}
    if "ALARM" in words:
        said.attributes["alarm_code"] = fields[words["ALARM"] + 1]
        said.alarm("other")
    for word, name in PORTS.items():
        text = fields[words[word] + 1] if word in words else ""
        if HEX.fullmatch(text):
            said.attributes[name] = int(text, 16)
    if not {"D", "T", "La", "Lo"} <= words.keys():
        return False
    said.time = dated(fields[words["D"] + 1], fields[words["T"] + 1])
    said.valid = fields[start + 1] == "A"
    said.lat, said.lon = angle(fields, words["La"]), angle(fields, words["Lo"])
    if "V" in words:
        said.speed_kmh = number(fields[words["V"] + 1])
    if "H" in words:
        said.course_deg = course(fields[words["H"] + 1])
    if "S" in words:
        visible, _, used = fields[words["S"] + 1].partition(":")
        if (count := in_view(visible)) is not None:
            said.attributes["satellites_visible"] = count
        said.satellites = in_view(used)
    return True


WORDS = frozenset({"D", "T", "S", "La", "Lo", "H", "V"})
FRONT = frozenset({"ALARM", "O", "I"})
PORTS: Mapping[str, str] = {"O": "outputs", "I": "inputs"}


def angle(fields: Sequence[str], at: int) -> float | None:
    """Degrees and N, S, E or W behind the word at `at`."""
    value = number(fields[at + 1])
    return None if value is None else signed(value, fields[at + 2])
