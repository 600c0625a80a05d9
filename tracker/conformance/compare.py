"""Two readings of one frame side by side: the fields, their tolerances, the verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tracker.conformance.records import unix
from tracker.model import Fix

FIELDS = ("identity", "number", "time", "position", "speed", "course", "validity")

# Kinds of DecodeError that say that the bytes are not what was sent, and not that we cannot read.
DAMAGE = frozenset({"checksum", "length", "unfinished"})

KNOT_KMH = 1.852
TIME_TOLERANCE_S = 0.002  # a millisecond, and the rounding of a double
PLACE_TOLERANCE_DEG = 5e-6  # half a metre: the last digit of the coarsest format
SPEED_TOLERANCE_KMH = 0.1  # factors of three digits between knots and km/h are about
COURSE_TOLERANCE_DEG = 0.1


@dataclass(slots=True)
class Reading:
    """What our decoder made of one frame."""

    ident: str | None
    fixes: tuple[Fix, ...]
    errors: list[str]  # kinds
    messages: int  # other than refusals

    @property
    def damaged(self) -> bool:
        """Nothing came out, because the bytes are not a whole frame."""
        return not self.messages and bool(DAMAGE.intersection(self.errors))


def compare(record: Mapping[str, Any], reading: Reading) -> dict[str, bool]:
    """Whether both readings say the same, by field; fields that one of them lacks are left out."""
    verdicts: dict[str, bool] = {}
    if record.get("ids"):
        verdicts["identity"] = same_ident(reading.ident, record["ids"])
    positions = told(record)
    fixes = [fix for fix in reading.fixes if fix.valid or (fix.lat, fix.lon) != (0.0, 0.0)]
    verdicts["number"] = len(fixes) == len(positions)
    if not verdicts["number"]:
        return verdicts
    for fix, position in zip(fixes, positions, strict=True):
        for name, same in compare_fix(fix, position).items():
            verdicts[name] = verdicts.get(name, True) and same
    return verdicts


def compare_fix(fix: Fix, position: Mapping[str, Any]) -> dict[str, bool]:
    """One fix and one position. A speed or course of 0 stands for an unknown one there.

    A time that came from the clock of that day, and not from the frame, is no evidence.
    """
    verdicts = {
        "position": abs(fix.lat - position["lat"]) <= PLACE_TOLERANCE_DEG
        and abs(fix.lon - position["lon"]) <= PLACE_TOLERANCE_DEG,
        "speed": abs((fix.speed_kmh or 0.0) - position["speed_knots"] * KNOT_KMH)
        <= SPEED_TOLERANCE_KMH,
        "course": turn(fix.course_deg or 0.0, position["course"]) <= COURSE_TOLERANCE_DEG,
        "validity": fix.valid == position["valid"],
    }
    if position.get("time") and not position.get("relative_to_now"):
        verdicts["time"] = same_time(fix.fix_time, unix(position["time"]))
    return verdicts


def same_time(ours: float, theirs: float) -> bool:
    """Equal, or cut off at the second by them."""
    if abs(ours - theirs) <= TIME_TOLERANCE_S:
        return True
    return theirs.is_integer() and math.floor(ours) == theirs


def told(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The positions that a frame states: not repeats of an older one, nor 0, 0 without a fix."""
    return [
        position
        for position in record["positions"]
        if not position.get("outdated")
        and (position["valid"] or (position["lat"], position["lon"]) != (0.0, 0.0))
    ]


def same_ident(ours: str | None, theirs: Iterable[str]) -> bool:
    """One of the names that they try; zeros in front of a number are padding."""
    return ours is not None and ours.lstrip("0") in {name.lstrip("0") for name in theirs}


def turn(one: float, other: float) -> float:
    """The angle between two courses, degrees."""
    difference = abs(one - other) % 360.0
    return min(difference, 360.0 - difference)


def our_words(fix: Fix) -> dict[str, Any]:
    """The compared fields of a fix."""
    return {
        "time": fix.fix_time, "lat": round(fix.lat, 7), "lon": round(fix.lon, 7),
        "speed_kmh": fix.speed_kmh, "course_deg": fix.course_deg, "valid": fix.valid,
    }  # fmt: skip


def their_words(position: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields of their position, in our units."""
    return {
        "time": unix(position["time"]) if position.get("time") else None,
        "lat": position["lat"], "lon": position["lon"],
        "speed_kmh": round(position["speed_knots"] * KNOT_KMH, 3),
        "course_deg": position["course"], "valid": position["valid"],
    }  # fmt: skip
