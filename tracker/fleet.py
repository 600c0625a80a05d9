"""The latest state of every vehicle that reports to this node: (before, after) of each report.

Pure: positions and times go in, `Live` comes out. Motion (moving, idle, parked) has hysteresis and
is counted in the time of the fixes, so that a burst of stored fixes gives the same result as the
same fixes one by one. Stale and offline follow from age and are worked out where the fleet is
shown (`tracker.world`), at the time of the look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from tracker.geo import distance_m
from tracker.model import (
    Event,
    EventKind,
    Fix,
    Live,
    Position,
    Speed,
    SpeedSource,
    State,
    Vehicle,
)
from tracker.protocols.base import Alarm, Heartbeat
from tracker.speeds import after_fix, at_rest, newest

DERIVED_SPEED_MAX_GAP_S = 300.0  # over a longer gap two fixes say nothing about speed now
MAX_ATTRIBUTES = 256  # names kept of one vehicle; trackers with every sensor state about 200
# By names of our own: to look them up in their class with every fix costs as much as using them.
MOVING, IDLE, PARKED = State.MOVING, State.IDLE, State.PARKED
CLOCK_NOTES = frozenset({"clock", "device_time"})  # said of a fix whose time ingest replaced


@dataclass(frozen=True, slots=True)
class MotionRules:
    """When a vehicle counts as moving, idle or parked (docs/config.md gives the reasons)."""

    moving_above_kmh: float = 5.0
    still_below_kmh: float = 3.0
    idle_after_s: float = 60.0
    parked_after_s: float = 300.0


def speed_of(fix: Fix, last: Fix | None) -> float | None:
    """The stated speed, else the mean speed since the last fix, None where neither is known."""
    if fix.speed_kmh is not None or last is None:
        return fix.speed_kmh
    seconds = fix.fix_time - last.fix_time
    if not 0.0 < seconds <= DERIVED_SPEED_MAX_GAP_S:
        return None
    return distance_m(last.lat, last.lon, fix.lat, fix.lon) / seconds * 3.6


def moved_at(position: Position, last: Position | None) -> Speed | None:
    """The mean speed since the last valid position, where the fix states none.

    Doubtful where it says little of now: after a long gap, or where the fix is no newer than the
    last one and only the times of reception are left.
    """
    fix, received = position.fix, position.received_time
    if last is None or fix.speed_kmh is not None or not fix.valid:
        return None
    kmh, source = speed_of(fix, last.fix), SpeedSource.DERIVED
    if kmh is None:
        source = SpeedSource.DOUBTFUL
        seconds = fix.fix_time - last.fix.fix_time
        if seconds <= 0.0:
            seconds = received - last.received_time
        if fix.stored or seconds <= 0.0:
            return None
        kmh = distance_m(last.fix.lat, last.fix.lon, fix.lat, fix.lon) / seconds * 3.6
    return Speed(kmh, min(fix.fix_time, received), received, source)


def motion_after(
    live: Live, fix: Fix, ignition: bool | None, rules: MotionRules
) -> tuple[State, float, float | None]:
    """(motion, motion_since, still_since) after a fix that is newer than all before."""
    last = live.position.fix if live.position else None
    speed = speed_of(fix, last)
    time = fix.fix_time
    was_moving = last is not None and live.motion is MOVING
    if speed is not None and speed >= rules.moving_above_kmh:
        return MOVING, live.motion_since if was_moving else time, None
    if was_moving and speed is not None and speed >= rules.still_below_kmh:
        return MOVING, live.motion_since, None
    since = live.still_since if live.still_since is not None else time
    motion = _standing(time - since, ignition, rules)
    if was_moving and motion is MOVING:
        return MOVING, live.motion_since, since
    if motion is MOVING:  # stood already, or is seen for the first time
        motion = IDLE
    if last is not None and motion is live.motion:
        return motion, live.motion_since, since
    # It stands since it stopped, not since we became sure. Where it stood already and its ignition
    # went off or on: since now.
    switched = ignition is not None and last is not None and not was_moving
    return motion, time if switched else since, since


def _standing(seconds: float, ignition: bool | None, rules: MotionRules) -> State:
    """What a vehicle is that stands since `seconds`; MOVING: too short to say."""
    if ignition is False or (ignition is None and seconds >= rules.parked_after_s):
        return PARKED
    return IDLE if seconds >= rules.idle_after_s else MOVING


class Fleet:
    """Live state by vehicle id. One vehicle's reports must come in the order of reception."""

    def __init__(self, rules: MotionRules | None = None) -> None:
        self.rules = rules or MotionRules()
        self._live: dict[str, Live] = {}

    def __len__(self) -> int:
        return len(self._live)

    def get(self, vehicle_id: str) -> Live:
        """The state of a vehicle; an empty one where nothing is known."""
        return self._live.get(vehicle_id) or Live(vehicle_id)

    def everything(self) -> list[Live]:
        """Every vehicle's state."""
        return list(self._live.values())

    def restore(self, live: Live) -> None:
        """Take over what is known from before this start or from another node, if it is newer."""
        mine = self._live.get(live.vehicle_id)
        if mine is not None:
            speed = newest(mine.speed, live.speed)
            newer = live if mine.order < live.order else mine
            live = newer if newer.speed is speed else replace(newer, speed=speed)
        self._live[live.vehicle_id] = live

    def forget(self, vehicle_id: str) -> None:
        """The vehicle is gone."""
        self._live.pop(vehicle_id, None)

    def update(self, position: Position) -> Live:
        """Take a position; the state after it. A fix older than the newest changes no position."""
        before = self.get(position.vehicle_id)
        fix, last = position.fix, before.position
        contact = max(before.contact_time, position.received_time)
        moved = None if fix.speed_kmh is not None else moved_at(position, last)
        speed = after_fix(before.speed, position, moved, self.rules.moving_above_kmh)
        # The order is only worked out where the times leave it open: hardly ever.
        if last is not None and fix.fix_time <= last.fix.fix_time and position.order <= last.order:
            after = replace(before, contact_time=contact, speed=speed)
        else:
            after = self._newest(before, position, fix, contact, speed)
        self._live[position.vehicle_id] = after
        return after

    def _newest(
        self, before: Live, position: Position, fix: Fix, contact: float, speed: Speed | None
    ) -> Live:
        ignition = before.ignition if fix.ignition is None else fix.ignition
        known = before.attributes
        if "clock" in known:  # true of the fix before, not of this one
            known = {name: value for name, value in known.items() if name not in CLOCK_NOTES}
        attributes = _joined(known, fix.attributes)
        if not fix.valid:  # the place is a memory of the receiver's, the rest is news
            return replace(
                before,
                contact_time=contact,
                ignition=ignition,
                alarms=fix.alarms,
                attributes=attributes,
                speed=speed,
            )
        motion, since, still_since = motion_after(before, fix, ignition, self.rules)
        return Live(
            position.vehicle_id,
            position,
            motion,
            since,
            still_since,
            contact,
            ignition,
            fix.alarms,
            attributes,
            speed,
        )

    def contact(self, vehicle_id: str, now: float, message: Heartbeat | Alarm | None) -> Live:
        """The device was heard without a position; the state after it."""
        before = self.get(vehicle_id)
        after = replace(before, contact_time=max(before.contact_time, now))
        if message is not None:
            after = self._heard(after, message, now)
        self._live[vehicle_id] = after
        return after

    def _heard(self, live: Live, message: Heartbeat | Alarm, now: float) -> Live:
        alarms = live.alarms if message.alarms is None else message.alarms
        attributes = _joined(live.attributes, message.attributes)
        live = replace(live, alarms=alarms, attributes=attributes)
        ignition = message.ignition if isinstance(message, Heartbeat) else None
        if ignition is None:
            return live
        motion, since, speed = live.motion, live.motion_since, live.speed
        if not ignition:
            speed = at_rest(speed, now, now, self.rules.moving_above_kmh)
        if live.still_since is not None:
            if not ignition and motion is not PARKED:
                stopped = motion is MOVING  # and nothing said so until now
                motion = PARKED
                since = live.still_since if stopped else live.contact_time
            elif ignition and motion is PARKED:
                motion, since = IDLE, live.contact_time
        return replace(live, ignition=ignition, motion=motion, motion_since=since, speed=speed)


def _joined(known: Mapping[str, Any], news: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a device said once holds until it says otherwise."""
    if not news:
        return known
    joined = {**known, **news}
    return joined if len(joined) <= MAX_ATTRIBUTES else dict(islice(news.items(), MAX_ATTRIBUTES))


def alarm_events(
    vehicle: Vehicle, before: Live, after: Live, now: float, sequence: int = 0
) -> Iterator[Event]:
    """The alarms that began or ended between two states: set differences, so repeats are silent.

    `sequence` tells apart what happens to one vehicle at the same `now`.
    """
    where = after.position.fix if after.position else None
    for kind, names in (
        (EventKind.ALARM, set(after.alarms) - set(before.alarms)),
        (EventKind.ALARM_OVER, set(before.alarms) - set(after.alarms)),
    ):
        for name in sorted(names):
            stamp = f"{vehicle.id}/{kind}/{name}/{now!r}/{sequence}".encode()
            yield Event(
                id=hashlib.blake2b(stamp, digest_size=8).hexdigest(),
                kind=kind,
                vehicle_id=vehicle.id,
                time=now,
                name=name,
                fleet=vehicle.fleet,
                group=vehicle.group,
                lat=where.lat if where else None,
                lon=where.lon if where else None,
            )
