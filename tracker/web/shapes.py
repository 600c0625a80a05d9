"""The shapes that REST answers with, and the reading of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tracker.errors import RequestError
from tracker.model import DeviceStatus, Live, Position, State, Vehicle

# What a request may ask about: from the first second of Unix time, before which nothing reports, to
# the last millisecond that RFC 3339 can say.
FIRST_TIME, LAST_TIME = 0.0, 253_402_300_799.999
_SEARCHED = ("name", "device", "id")


def rfc3339(seconds: float | None) -> str | None:
    """Unix seconds as UTC text with milliseconds, None as it is."""
    if not seconds:
        return None
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def position_shape(position: Position) -> dict[str, Any]:
    """One position: degrees WGS-84, times RFC 3339 UTC, null where unknown."""
    fix = position.fix
    return {
        "lat": fix.lat,
        "lon": fix.lon,
        "speed_kmh": fix.speed_kmh,
        "course_deg": fix.course_deg,
        "altitude_m": fix.altitude_m,
        "fix_time": rfc3339(fix.fix_time),
        "received_time": rfc3339(position.received_time),
        "satellites": fix.satellites,
        "valid": fix.valid,
    }


def stored_shape(position: Position) -> dict[str, Any]:
    """A position of the stored track: with everything that was said beside it."""
    fix = position.fix
    return position_shape(position) | {
        "ignition": fix.ignition,
        "stored": fix.stored,
        "alarms": fix.alarms,
        "attributes": dict(fix.attributes),
    }


def vehicle_shape(vehicle: Vehicle, live: Live, state: State, since: float) -> dict[str, Any]:
    """A vehicle with its latest state; `position` is null before the first one."""
    pending = vehicle.status is DeviceStatus.PENDING
    return {
        "id": vehicle.id,
        "name": vehicle.name,
        "device": vehicle.device,
        "protocol": vehicle.protocol,
        "fleet": vehicle.fleet,
        "group": vehicle.group,
        "status": vehicle.status,
        "state": "pending" if pending else state.label,
        "state_since": rfc3339(since),
        "contact_time": rfc3339(live.contact_time),
        "ignition": live.ignition,
        "alarms": live.alarms,
        "attributes": dict(live.attributes),
        "position": position_shape(live.position) if live.position else None,
    }


def matches(vehicle: Vehicle, words: str) -> bool:
    """Whether every word is in the name, the device or the id."""
    text = " ".join(getattr(vehicle, field) for field in _SEARCHED).casefold()
    return all(word in text for word in words.casefold().split())


def whole_number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number between two bounds. Raises RequestError."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise RequestError(f"{name}: must be a whole number within {low}..{high}", value=text)
    return int(text)


def moment(query: Mapping[str, str], name: str, default: float) -> float:
    """A time as RFC 3339 text or Unix seconds. Raises RequestError."""
    text = query.get(name)
    if text is None:
        return default
    if re.fullmatch(r"[0-9]{1,11}(\.[0-9]{1,6})?", text):
        return float(text)
    try:
        # A plus sign that was not escaped arrives as a space.
        parsed = datetime.fromisoformat(text.replace(" ", "+", 1) if "T" in text else text)
    except ValueError:
        raise RequestError(
            f"{name}: must be a time like 2026-03-01T08:30:00Z, or Unix seconds", value=text
        ) from None
    seconds = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    if not FIRST_TIME <= seconds <= LAST_TIME:
        raise RequestError(f"{name}: must be within the years 1970 to 9999", value=text)
    return seconds


def bounding_box(query: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    """`bbox=west,south,east,north` in degrees; west > east crosses the antimeridian."""
    text = query.get("bbox")
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise RequestError("bbox: must be west,south,east,north", value=text) from None
    if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):
        raise RequestError("bbox: is not on the globe, or south is above north", value=text)
    return west, south, east, north
