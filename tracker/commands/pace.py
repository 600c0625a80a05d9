"""Whether a vehicle is slow enough for an engine cut, by the newest speed that is known of it.

Three answers: it is, it is too fast, or nobody knows. What is fast counts from when it was heard,
for a device's clock may be slow; what is slow counts from when it was, at the latest.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.model import Speed, SpeedSource


@dataclass(frozen=True, slots=True)
class Rules:
    """When a vehicle is slow."""

    max_speed_kmh: float = 20.0
    age_s: float = 300.0  # older is no speed: in five minutes a lorry is on the motorway


@dataclass(frozen=True, slots=True)
class Pace:
    """Why an engine must not be cut, in words; both "" where it may be."""

    too_fast: str = ""
    unknown: str = ""


def judge(speed: Speed | None, now: float, rules: Rules) -> Pace:
    """What a known speed means now."""
    if speed is None:
        return Pace(unknown="no speed of the vehicle is known")
    ago = _ago(now - speed.fix_time)
    if speed.kmh > rules.max_speed_kmh:
        words = f"the vehicle was moving at {speed.kmh:.0f} km/h {ago}"
        if now - speed.received_time <= rules.age_s:
            return Pace(too_fast=words)
        return Pace(unknown=f"{words}, and nothing newer is known")
    if speed.source is SpeedSource.DOUBTFUL:
        return Pace(unknown="the vehicle moved, and how fast is not known for sure")
    if now - speed.fix_time > rules.age_s:
        return Pace(unknown=f"the last known speed of the vehicle is from {ago}")
    return Pace()


def _ago(seconds: float) -> str:
    """A span in words, as exact as anyone needs."""
    if seconds < 120:
        return f"{max(0, round(seconds))} s ago"
    return f"{round(seconds / 60)} min ago" if seconds < 7_200 else f"{round(seconds / 3600)} h ago"
