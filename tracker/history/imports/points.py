"""One point of a file, as text, and the fix that it says."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from tracker.ingest import EARLIEST_FIX_TIME, MAX_SATELLITES
from tracker.model import Fix

IMPORTED = "imported"  # the attribute that tells an imported position from a reported one
MAX_SPEED_KMH = 1_000.0
MAX_ALTITUDE_M = 100_000.0
MAX_ATTRIBUTES_BYTES = 4_096  # devices send some hundred
MAX_ALARMS = 32
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_UNIX = re.compile(r"[0-9]{9,11}(\.[0-9]{1,6})?")


@dataclass(slots=True)
class RawPoint:
    """What a file says of a point, by the names of the CSV export; `speed_ms` is GPX's m/s."""

    line: int
    texts: dict[str, str]
    alarms: list[str] = field(default_factory=list)
    error: str = ""  # what was wrong with the line itself


def fix_of(point: RawPoint, latest_time: float) -> Fix:
    """The fix. Raises ValueError with a sentence that names what is wrong."""
    if point.error:
        raise ValueError(point.error)
    texts = point.texts
    lat, lon = _number(texts, "lat", -90.0, 90.0), _number(texts, "lon", -180.0, 180.0)
    if lat is None or lon is None:
        raise ValueError("lat and lon: must be given")
    speed_kmh = _number(texts, "speed_kmh", 0.0, MAX_SPEED_KMH)
    if speed_kmh is None:
        speed_ms = _number(texts, "speed_ms", 0.0, MAX_SPEED_KMH / 3.6)
        speed_kmh = None if speed_ms is None else round(speed_ms * 3.6, 6)
    course_deg = _number(texts, "course_deg", 0.0, 360.0)
    satellites = _number(texts, "satellites", 0.0, MAX_SATELLITES)
    valid = _yes_no(texts, "valid")
    if len(point.alarms) > MAX_ALARMS:
        raise ValueError(f"alarms: must be at most {MAX_ALARMS}")
    return Fix(
        fix_time=_time(texts.get("time", ""), latest_time),
        lat=lat,
        lon=lon,
        speed_kmh=speed_kmh,
        course_deg=0.0 if course_deg == 360.0 else course_deg,
        altitude_m=_number(texts, "altitude_m", -MAX_ALTITUDE_M, MAX_ALTITUDE_M),
        valid=valid is not False and (lat, lon) != (0.0, 0.0),  # which is no place but a "no fix"
        stored=_yes_no(texts, "stored") is True,
        satellites=None if satellites is None else int(satellites),
        ignition=_yes_no(texts, "ignition"),
        alarms=tuple(point.alarms),
        attributes=_attributes(texts.get("attributes", "")) | {IMPORTED: True},
    )


def _number(texts: dict[str, str], name: str, low: float, high: float) -> float | None:
    text = texts.get(name, "").strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or not low <= float(text) <= high:
        raise ValueError(f"{name}: must be a number within {low:g}..{high:g}, not {text[:40]!r}")
    return float(text)


def _yes_no(texts: dict[str, str], name: str) -> bool | None:
    text = texts.get(name, "").strip().lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    if text:
        raise ValueError(f"{name}: must be true or false, not {text[:40]!r}")
    return None


def _time(text: str, latest_time: float) -> float:
    text = text.strip()
    if not text:
        raise ValueError("time: must be given")
    if _UNIX.fullmatch(text):
        time = float(text)
    else:
        try:
            moment = dt.datetime.fromisoformat(text)
            time = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        except (ValueError, OverflowError):
            raise ValueError(
                f"time: must be like 2026-03-01T08:30:00Z, or Unix seconds, not {text[:40]!r}"
            ) from None
    if time < EARLIEST_FIX_TIME:
        raise ValueError(f"time: {text[:40]} is before 2001")
    if time > latest_time:
        raise ValueError(f"time: {text[:40]} is in the future")
    return time


def _attributes(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict) or len(text) > MAX_ATTRIBUTES_BYTES:
        raise ValueError(
            f"attributes: must be a JSON object of at most {MAX_ATTRIBUTES_BYTES} bytes"
        )
    return data
