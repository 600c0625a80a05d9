"""Fixes as columns of whole numbers, in the units of the live feed.

Times and places are differences to the entry before, the first as it is, so a fix costs about ten
bytes and adding up gives back exactly what was scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tracker.model import Position

UNKNOWN = -1  # speed or course that the device did not state
IGNITION_ON, IGNITION_KNOWN, ALARM = 1, 2, 4  # bits of `flags`

Columns = dict[str, list[int]]


def columns(
    time_ms: Sequence[float],
    lat: Sequence[float],
    lon: Sequence[float],
    speed_kmh: Sequence[float | None],
    course_deg: Sequence[float | None],
    flags: Sequence[int],
    *,
    origin_ms: int = 0,
) -> Columns:
    """Columns of fixes in order; the first `t` counts from `origin_ms`."""
    course = _scaled([-0.1 if c is None else c for c in course_deg], 10.0)
    course[course >= 0] %= 3600
    return {
        "t": np.diff(_scaled(time_ms, 1.0), prepend=origin_ms).tolist(),
        "lat": np.diff(_scaled(lat, 1e6), prepend=0).tolist(),
        "lon": np.diff(_scaled(lon, 1e6), prepend=0).tolist(),
        "speed": _scaled([-0.1 if s is None else s for s in speed_kmh], 10.0).tolist(),
        "course": course.tolist(),
        "flags": list(flags),
    }


def position_columns(positions: Sequence[Position]) -> Columns:
    """The columns of positions in order; the first `t` is Unix milliseconds."""
    fixes = [position.fix for position in positions]
    return columns(
        [fix.fix_time * 1e3 for fix in fixes],
        [fix.lat for fix in fixes],
        [fix.lon for fix in fixes],
        [fix.speed_kmh for fix in fixes],
        [fix.course_deg for fix in fixes],
        [flags_of(fix.ignition, bool(fix.alarms)) for fix in fixes],
    )


def flags_of(ignition: bool | None, alarm: bool) -> int:
    """The bits of a fix."""
    flags = ALARM if alarm else 0
    if ignition is not None:
        flags |= IGNITION_KNOWN | IGNITION_ON if ignition else IGNITION_KNOWN
    return flags


def _scaled(values: Sequence[Any], factor: float) -> npt.NDArray[np.int64]:
    return np.rint(np.array(values, dtype=np.float64) * factor).astype(np.int64)
