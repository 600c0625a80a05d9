"""What the live feed must say of a vehicle, in plain Python and in the contract's own terms.

It shares no code with the server: states by age, the merge rule, tiles by the textbook formula.
"""

from __future__ import annotations

import math

from tests.unit.feed_client import Row
from tracker.model import Live, State, Vehicle

STALE_S, STALE_PARKED_S, OFFLINE_S = 20.0, 50.0, 90.0


def tile(lat: float, lon: float, level: int) -> tuple[int, int]:
    """The tile by its textbook formula; places beyond the map lie in its edge."""
    size = 1 << level
    phi = math.radians(max(-85.0511287798066, min(85.0511287798066, lat)))
    x = (lon + 180) / 360 * size
    y = (1 - math.log(math.tan(phi) + 1 / math.cos(phi)) / math.pi) / 2 * size
    return max(0, min(size - 1, math.floor(x))), max(0, min(size - 1, math.floor(y)))


def label(described: Vehicle) -> str:
    """The group as the feed names it."""
    return f"{described.fleet}/{described.group}" if described.group else described.fleet


def state_at(live: Live, now: float) -> tuple[State, float]:
    """What the vehicle is at a moment, and since when."""
    assert live.position is not None
    fix_time = live.position.fix.fix_time
    if now - live.contact_time > OFFLINE_S:
        return State.OFFLINE, live.contact_time
    if live.motion is State.PARKED:
        if now - live.contact_time > STALE_PARKED_S:
            return State.STALE, live.contact_time
    elif now - fix_time > STALE_S:
        return State.STALE, fix_time
    return live.motion, live.motion_since


def expected_row(described: Vehicle, live: Live, now: float) -> Row:
    """What every viewer of this vehicle must hold; its cell and its handle aside."""
    assert live.position is not None
    fix = live.position.fix
    state, since = state_at(live, now)
    known, on = live.ignition is not None, bool(live.ignition)
    return {
        "id": described.id,
        "name": described.name,
        "device": described.device,
        "group": label(described),
        "lat": round(fix.lat * 1e6),
        "lon": round(fix.lon * 1e6),
        "speed": -1 if fix.speed_kmh is None else round(fix.speed_kmh * 10),
        "course": -1 if fix.course_deg is None else round(fix.course_deg * 10) % 3600,
        "fix_ms": round(fix.fix_time * 1000),
        "state": int(state),
        "since_ms": round(since * 1000),
        "flags": on | known << 1 | bool(live.alarms) << 2,
    }


def age_key(live: Live) -> tuple[float, int, float]:
    """The merge rule: the greatest wins."""
    position = live.position
    if position is None:
        return (-math.inf, 0, live.contact_time)
    return (position.fix.fix_time, position.sequence, live.contact_time)
