"""Who reports what and when: the plan of a run, as an endless or finite stream of reports.

Pure: nothing here waits or sends. `drive` in `simulator.driver` walks through the stream in real
time; tests walk through it at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from simulator.model import Fix, Trip
from simulator.motion.vehicle import Vehicle
from simulator.seeds import stream
from simulator.trips.prepare import to_fixes

SLEEPING_REPORT_S = 300.0  # how often a parked device that sleeps shows that it is alive
LOOP_PAUSE_S = 5.0  # between the end of a trip and its next start


@dataclass(frozen=True, slots=True)
class Report:
    """At `due` (Unix seconds) the device at `index` has `fix` to send."""

    due: float
    index: int
    fix: Fix


@dataclass(frozen=True, slots=True)
class Pace:
    """How a generated fleet reports."""

    start: float  # Unix seconds of the first fix; whole, so that fixes fall on whole seconds
    rate_hz: float = 1.0
    duration_s: float | None = None  # None: for ever
    burst: bool = False  # all at once instead of spread over the interval
    sleep_when_parked: bool = False


def fleet_reports(vehicles: Sequence[Vehicle], pace: Pace, seed: int) -> Iterator[Report]:
    """All vehicles fix at the same moments, as receivers do, and send at a phase of their own."""
    interval_s = 1.0 / pace.rate_hz
    phases = [
        0.0 if pace.burst else stream(seed, "phase", index).random() * interval_s
        for index in range(len(vehicles))
    ]
    order = sorted(range(len(vehicles)), key=phases.__getitem__)
    asleep_since: dict[int, float] = {}
    steps = count() if pace.duration_s is None else range(round(pace.duration_s * pace.rate_hz))
    for step in steps:
        t = step * interval_s
        for index in order:
            vehicle = vehicles[index]
            if pace.sleep_when_parked and _asleep(vehicle.parked(t), index, t, asleep_since):
                continue
            fix_time = pace.start + t
            yield Report(fix_time + phases[index], index, vehicle.fix(t, fix_time))


def _asleep(parked: bool, index: int, t: float, since: dict[int, float]) -> bool:
    """Whether a device that sleeps while parked skips this report."""
    if not parked:
        since.pop(index, None)
        return False
    if index in since and t - since[index] < SLEEPING_REPORT_S:
        return True
    since[index] = t  # the first one after parking goes out, then one in a while
    return False


@dataclass(frozen=True, slots=True)
class Playback:
    """How recorded trips are replayed."""

    start: float  # Unix seconds at which the first points are sent
    speed: float = 1.0  # so many times faster than recorded
    loop: bool = False
    keep_time: bool = False  # state the recorded times instead of those of sending


def trip_reports(trips: Sequence[Trip], playback: Playback) -> Iterator[Report]:
    """All trips at once, each from its own first point; the trip at i is of the device at i."""
    streams = [_one_trip(index, trip, playback) for index, trip in enumerate(trips)]
    return heapq.merge(*streams, key=lambda report: report.due)


def _one_trip(index: int, trip: Trip, playback: Playback) -> Iterator[Report]:
    fixes = to_fixes(trip)
    round_s = trip.duration_s / playback.speed + LOOP_PAUSE_S
    for lap in count() if playback.loop else range(1):
        begin = playback.start + lap * round_s
        for fix in fixes:
            due = begin + (fix.fix_time - fixes[0].fix_time) / playback.speed
            fix_time = fix.fix_time if playback.keep_time else due
            yield Report(due, index, replace(fix, fix_time=fix_time))
