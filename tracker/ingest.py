"""One fix on its way to a vehicle: the steps that check and correct it, in the order of `STEPS`.

A step takes a fix and its circumstances and returns the fix, changed or not, or None: rejected.
What is rejected or corrected is counted under the step's word. `Ingest.accept` runs the steps,
brings the vehicle's live state up to date and hands what changed to the tick; it returns the
positions that are to be stored, a backlog included.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from tracker.fleet import Fleet, alarm_events
from tracker.geo import TO_WGS84
from tracker.model import Fix, Live, Position, Vehicle
from tracker.protocols.base import Alarm, Heartbeat
from tracker.ticks import Ticks

GPS_WEEKS_1024_S = 1024 * 7 * 86_400  # a receiver that missed a week rollover is behind by this
EARLIEST_FIX_TIME = 978_307_200.0  # 2001-01-01: a clock that was never set starts at 2000 or before
ROLLOVER_SEEN_AFTER_S = 0.9 * GPS_WEEKS_1024_S  # no device keeps a backlog of 17 years
ROLLED_BACKLOG_S = 366 * 86_400.0  # nor, with its rollover undone, of more than one
_DAY_S = 86_400.0
MAX_SATELLITES = 255  # four systems in view at once make about 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What a believable fix is."""

    clock_ahead_s: float = 120.0
    max_speed_kmh: float = 1_000.0


@dataclass(slots=True)
class Circumstances:
    """What a step may look at beside the fix; `notes` collects the words to count."""

    vehicle: Vehicle
    now: float
    limits: Limits
    notes: Counter[str]


Step = Callable[[Fix, Circumstances], "Fix | None"]


def check_coordinates(fix: Fix, at: Circumstances) -> Fix | None:
    """Reject what lies nowhere; exactly 0, 0 is a receiver's way to say that it has no fix."""
    if not (abs(fix.lat) <= 90.0 and abs(fix.lon) <= 180.0):  # False for NaN too
        at.notes["coordinates"] += 1
        return None
    if fix.lat == 0.0 and fix.lon == 0.0 and fix.valid:
        at.notes["null_island"] += 1
        return replace(fix, valid=False)
    return fix


def correct_clock(fix: Fix, at: Circumstances) -> Fix | None:
    """Mend times that cannot be: week rollovers, clocks that run ahead or were never set."""
    time = fix.fix_time
    if not math.isfinite(time):
        at.notes["time"] += 1
        return None
    rolled = time + GPS_WEEKS_1024_S
    if (
        at.now - time >= ROLLOVER_SEEN_AFTER_S
        and at.now - ROLLED_BACKLOG_S <= rolled <= at.now + _DAY_S
    ):
        at.notes["week_rollover"] += 1
        time = rolled
        fix = replace(fix, fix_time=rolled)
    if EARLIEST_FIX_TIME <= time <= at.now + at.limits.clock_ahead_s:
        return fix
    at.notes["clock_ahead" if time > at.now else "clock_unset"] += 1
    return replace(
        fix, fix_time=at.now, attributes={**fix.attributes, "device_time": time, "clock": "wrong"}
    )


def convert_datum(fix: Fix, at: Circumstances) -> Fix | None:
    """WGS-84 everywhere in the server: devices that report in another datum are converted here."""
    convert = TO_WGS84.get(at.vehicle.datum)
    if convert is None:
        return fix
    lat, lon = convert(fix.lat, fix.lon)
    if abs(lat) > 90.0 or abs(lon) > 180.0:  # over the edge, where no such datum means anything
        return fix
    return replace(fix, lat=lat, lon=lon)


def check_motion(fix: Fix, at: Circumstances) -> Fix | None:
    """Speeds and courses that cannot be become unknown; the position stays."""
    speed, course = fix.speed_kmh, fix.course_deg
    if speed is not None and not 0.0 <= speed <= at.limits.max_speed_kmh:
        at.notes["speed"] += 1
        fix = replace(fix, speed_kmh=None)
    if course is not None and not 0.0 <= course < 360.0:
        if course != 360.0:
            at.notes["course"] += 1
        fix = replace(fix, course_deg=0.0 if course == 360.0 else None)
    return fix


def check_extras(fix: Fix, at: Circumstances) -> Fix | None:
    """Altitudes and satellite counts that cannot be become unknown; attributes become plain."""
    if fix.altitude_m is not None and not math.isfinite(fix.altitude_m):
        at.notes["altitude"] += 1
        fix = replace(fix, altitude_m=None)
    if fix.satellites is not None and not 0 <= fix.satellites <= MAX_SATELLITES:
        at.notes["satellites"] += 1
        fix = replace(fix, satellites=None)
    attributes = plain(fix.attributes, at.notes)
    return fix if attributes is fix.attributes else replace(fix, attributes=attributes)


def plain(attributes: Mapping[str, Any], notes: Counter[str]) -> Mapping[str, Any]:
    """The attributes that JSON can say, as the store, the bus and REST do: the same object for all.

    Bytes become hexadecimal digits, sets lists; what no JSON can hold is left out.
    """
    if not attributes:
        return attributes
    try:
        orjson.dumps(attributes if isinstance(attributes, dict) else dict(attributes))
    except TypeError:
        notes["attributes"] += 1
    else:
        return attributes
    kept: dict[str, Any] = {}
    for name, value in attributes.items():
        try:
            kept |= orjson.loads(orjson.dumps({name: value}, default=_plain))
        except TypeError:
            continue
    return kept


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


STEPS: tuple[Step, ...] = (
    check_coordinates,
    correct_clock,
    convert_datum,
    check_motion,
    check_extras,
)


class Ingest:
    """The desk where fixes arrive: steps, then live state, then tick."""

    def __init__(self, fleet: Fleet, ticks: Ticks, limits: Limits | None = None) -> None:
        self.fleet = fleet
        self.ticks = ticks
        self.limits = limits or Limits()
        self.notes: Counter[str] = Counter()
        self.accepted = 0
        self._sequence = 0

    def accept(self, vehicle: Vehicle, fixes: Iterable[Fix], now: float) -> list[Position]:
        """Run the fixes of one frame; the positions to store, in the order of the frame."""
        at = Circumstances(vehicle, now, self.limits, self.notes)
        positions: list[Position] = []
        fleet, vehicle_id = self.fleet, vehicle.id
        for fix in fixes:
            checked = self._run(fix, at)
            if checked is None:
                continue
            position = Position(vehicle_id, checked, now, self._next_sequence(now))
            positions.append(position)
            before = fleet.get(vehicle_id)
            self._show(vehicle, before, fleet.update(position), now)
        self.accepted += len(positions)
        return positions

    def contact(
        self, vehicle: Vehicle, now: float, message: Heartbeat | Alarm | None = None
    ) -> None:
        """The device was heard without a position."""
        if message is not None and message.attributes:
            message = replace(message, attributes=plain(message.attributes, self.notes))
        before = self.fleet.get(vehicle.id)
        after = self.fleet.contact(vehicle.id, now, message)
        self._show(vehicle, before, after, now)

    def _next_sequence(self, now: float) -> int:
        """Reception in microseconds, made strictly increasing: orders equal fix times."""
        self._sequence = max(self._sequence + 1, int(now * 1e6))
        return self._sequence

    def _run(self, fix: Fix, at: Circumstances) -> Fix | None:
        for step in STEPS:
            checked = step(fix, at)
            if checked is None:
                return None
            fix = checked
        return fix

    def _show(self, vehicle: Vehicle, before: Live, after: Live, now: float) -> None:
        """Into the tick with what changed, and with what happened once."""
        self.ticks.add(after)
        if after.alarms != before.alarms:
            for event in alarm_events(vehicle, before, after, now, self._next_sequence(now)):
                self.ticks.add_event(event)
