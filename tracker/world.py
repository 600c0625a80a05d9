"""Every vehicle that this node knows of, its own and other nodes', as columns.

Batches of `Live` go in (`step`), ages are looked at, and out comes `Changes`: what a viewer who
saw the last tick has to be told. A vehicle keeps its slot, a small whole number, for
as long as the process lives; slots are what the live feed calls handles.

Columns hold what the wire holds: 1e-6 degrees, 0.1 km/h, 0.1 degrees, milliseconds. So the
difference between two ticks is exact, and a viewer who adds differences never drifts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from tracker.geo import IntArray
from tracker.model import Live, State, Vehicle
from tracker.speeds import newest

FLAG_IGNITION_ON = 1
FLAG_IGNITION_KNOWN = 2
FLAG_ALARM = 4
UNKNOWN = -1  # speed or course that the device did not state
_FLAGS = {
    None: 0,
    False: FLAG_IGNITION_KNOWN,
    True: FLAG_IGNITION_KNOWN | FLAG_IGNITION_ON,
}
_GROWTH = 1024  # slots that the columns grow by at least

MOVING, IDLE, PARKED, STALE, OFFLINE = (int(s) for s in State)


@dataclass(frozen=True, slots=True)
class AgeRules:
    """After how long without news a vehicle is stale, and offline."""

    stale_after_s: float = 60.0
    stale_parked_after_s: float = 420.0
    offline_after_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the last tick, by slot, each list ascending.

    `moved` have a new position, speed or course; `d_lat`, `d_lon`, `d_fix_ms` belong to it, row by
    row. `entered` are new to the map or have new static data (they may be in `moved` too).
    `restated` have new flags or are in a state that began anew. `left` are gone from the map.
    """

    moved: IntArray
    d_lat: IntArray
    d_lon: IntArray
    d_fix_ms: IntArray
    entered: IntArray
    restated: IntArray
    left: IntArray


def merge(mine: Live | None, news: Live) -> Live:
    """The newer of two states of one vehicle: by its position, and of equal ones by its contact.

    The time of contact and the newest known speed count by themselves.
    """
    if mine is None:
        return news
    newer, older = (news, mine) if mine.order <= news.order else (mine, news)
    speed = newest(newer.speed, older.speed)
    if older.contact_time <= newer.contact_time and speed is newer.speed:
        return newer
    contact = max(older.contact_time, newer.contact_time)
    return replace(newer, contact_time=contact, speed=speed)


class World:
    """The columns, and the objects that REST shows."""

    def __init__(self, rules: AgeRules | None = None) -> None:
        self.rules = rules or AgeRules()
        self.slots: dict[str, int] = {}
        self.vehicles: list[Vehicle] = []  # by slot
        self.lives: list[Live] = []  # by slot
        self.groups: dict[tuple[str, str], int] = {}  # (fleet, group) to its number
        self.group_keys: list[tuple[str, str]] = []
        self.unknown_rows = 0  # rows of vehicles that nobody has described
        self._allocate(_GROWTH)
        self._entered: set[int] = set()
        self._left: set[int] = set()
        self._restored: list[Live] = []

    # -- static data -------------------------------------------------------------------------------

    def describe(self, vehicle: Vehicle) -> int:
        """Take over a vehicle's static data; its slot."""
        slot = self.slots.get(vehicle.id)
        if slot is None:
            slot = len(self.vehicles)
            self.slots[vehicle.id] = slot
            self.vehicles.append(vehicle)
            self.lives.append(Live(vehicle.id))
            if slot >= len(self.lat):
                self._allocate(slot + max(_GROWTH, slot // 2))
        elif self.vehicles[slot] == vehicle:
            return slot
        elif self.on_map[slot]:
            self._entered.add(slot)
        self.vehicles[slot] = vehicle
        self.group[slot] = self._group(vehicle.fleet, vehicle.group)
        return slot

    def remove(self, vehicle_id: str) -> None:
        """The vehicle is gone: off the map, its slot never to be used again."""
        slot = self.slots.pop(vehicle_id, None)
        if slot is not None:
            self.lives[slot] = Live(vehicle_id)
            self._entered.discard(slot)
            if self.on_map[slot]:
                self._left.add(slot)
                self.on_map[slot] = False

    def _group(self, fleet: str, group: str) -> int:
        key = (fleet, group)
        number = self.groups.get(key)
        if number is None:
            number = self.groups[key] = len(self.group_keys)
            self.group_keys.append(key)
        return number

    # -- news --------------------------------------------------------------------------------------

    def step(self, news: Iterable[Live], now: float) -> Changes:
        """Merge a batch, look at the ages, and say what differs from the last step.

        Rows of vehicles that were never described are counted and left out.
        """
        touched = self._merge(chain(self._restored, news))
        self._restored = []
        slots = np.fromiter(touched, np.int64, len(touched))
        slots.sort()
        was_on_map = self.on_map[slots]
        old_lat, old_lon = self.lat[slots], self.lon[slots]
        old_fix = self.fix_ms[slots]
        old_speed, old_course = self.speed[slots], self.course[slots]
        lives = self.lives
        self._write(slots, [lives[slot] for slot in slots.tolist()])
        d_lat, d_lon = self.lat[slots] - old_lat, self.lon[slots] - old_lon
        d_fix = self.fix_ms[slots] - old_fix
        moved = (d_lat != 0) | (d_lon != 0) | (d_fix != 0)
        moved |= (self.speed[slots] != old_speed) | (self.course[slots] != old_course)
        moved &= was_on_map
        fresh = slots[self.has_fix[slots] & ~was_on_map]
        self.on_map[fresh] = True
        entered = fresh
        if self._entered:
            entered = np.union1d(fresh, np.fromiter(self._entered, np.int64, len(self._entered)))
        left = np.array(sorted(self._left), dtype=np.int64)
        self._entered, self._left = set(), set()
        return Changes(
            slots[moved],
            d_lat[moved],
            d_lon[moved],
            d_fix[moved],
            entered,
            self._expire(now),
            left,
        )

    def restore(self, lives: Iterable[Live]) -> None:
        """Put states of before this start in place; the next step tells of them as new."""
        for live in lives:
            self.lives[self.slots[live.vehicle_id]] = live
            self._restored.append(live)

    def _merge(self, news: Iterable[Live]) -> dict[int, None]:
        """Merge objects; the slots that something was said about."""
        slots, lives = self.slots, self.lives
        touched: dict[int, None] = {}
        for live in news:
            slot = slots.get(live.vehicle_id)
            if slot is None:
                self.unknown_rows += 1
                continue
            mine = lives[slot]
            old, new = mine.position, live.position
            if (
                new is not None
                and (old is None or new.fix.fix_time > old.fix.fix_time)
                and live.contact_time >= mine.contact_time
                and newest(live.speed, mine.speed) is live.speed
            ):
                lives[slot] = live  # what `merge` comes to in nearly all cases, without asking it
            else:
                lives[slot] = merge(mine, live)
            touched[slot] = None
        return touched

    def _write(self, slots: IntArray, lives: list[Live]) -> None:
        """Objects to columns, column by column."""
        fixes = [live.position.fix for live in lives if live.position is not None]
        placed = slots
        if len(fixes) < len(lives):
            placed = slots[[live.position is not None for live in lives]]
        self.has_fix[placed] = True
        self.lat[placed] = _scaled([f.lat for f in fixes], 1e6)
        self.lon[placed] = _scaled([f.lon for f in fixes], 1e6)
        self.fix_ms[placed] = _scaled([f.fix_time for f in fixes], 1e3)
        self.speed[placed] = _scaled(
            [-0.1 if f.speed_kmh is None else f.speed_kmh for f in fixes], 10
        )
        self.course[placed] = (
            _scaled([-0.1 if f.course_deg is None else f.course_deg for f in fixes], 10) % 3600
        )
        unknown = [f.course_deg is None for f in fixes]
        self.course[placed[unknown]] = UNKNOWN
        self.motion[slots] = np.fromiter([x.motion for x in lives], np.int64, len(lives))
        self.motion_since_ms[slots] = _scaled([x.motion_since for x in lives], 1e3)
        self.contact_ms[slots] = _scaled([x.contact_time for x in lives], 1e3)
        self.flags[slots] = [_FLAGS[x.ignition] | (FLAG_ALARM if x.alarms else 0) for x in lives]

    # -- ages --------------------------------------------------------------------------------------

    def _expire(self, now: float) -> IntArray:
        """Work out every vehicle's state at `now`; the slots on the map whose state, its beginning
        or whose flags differ from what the last step said."""
        count = len(self.vehicles)
        now_ms = round(now * 1000)
        motion = self.motion[:count]
        silent = now_ms - self.contact_ms[:count]
        age = now_ms - self.fix_ms[:count]
        parked = motion == PARKED
        rules = self.rules
        state = motion.copy()
        state[~parked & (age > rules.stale_after_s * 1000)] = STALE
        state[parked & (silent > rules.stale_parked_after_s * 1000)] = STALE
        state[silent > rules.offline_after_s * 1000] = OFFLINE
        since = np.where(state < STALE, self.motion_since_ms[:count], self.contact_ms[:count])
        waiting = (state == STALE) & ~parked
        since[waiting] = self.fix_ms[:count][waiting]
        flags = self.flags[:count]
        differs = (state != self.state[:count]) | (since != self.since_ms[:count])
        differs |= flags != self.shown_flags[:count]
        self.state[:count] = state
        self.since_ms[:count] = since
        self.shown_flags[:count] = flags
        return np.flatnonzero(differs & self.on_map[:count]).astype(np.int64)

    def counts(self, groups: frozenset[int] | None = None) -> list[int]:
        """How many vehicles on the map are in each state; of some groups, or of all."""
        count = len(self.vehicles)
        seen = self.on_map[:count]
        if groups is not None:
            seen = seen & np.isin(self.group[:count], sorted(groups))
        counted: list[int] = np.bincount(self.state[:count][seen], minlength=len(State)).tolist()
        return counted

    def state_of(self, slot: int) -> tuple[State, float]:
        """(state, since as Unix seconds) as of the last step."""
        return State(int(self.state[slot])), float(self.since_ms[slot]) / 1000

    def group_label(self, number: int) -> str:
        """The path by which the live feed names a group: the fleet, then the groups within it."""
        fleet, group = self.group_keys[number]
        return f"{fleet}/{group}" if group else fleet

    # -- columns -----------------------------------------------------------------------------------

    def _allocate(self, size: int) -> None:
        def grown(name: str, dtype: type[np.generic], fill: int = 0) -> np.ndarray[Any, Any]:
            column: np.ndarray[Any, Any] = np.full(size, fill, dtype=dtype)
            old = getattr(self, name, None)
            if old is not None:
                column[: len(old)] = old
            return column

        self.lat = grown("lat", np.int64)
        self.lon = grown("lon", np.int64)
        self.fix_ms = grown("fix_ms", np.int64)
        self.speed = grown("speed", np.int64, UNKNOWN)
        self.course = grown("course", np.int64, UNKNOWN)
        self.motion = grown("motion", np.int64, PARKED)
        self.motion_since_ms = grown("motion_since_ms", np.int64)
        self.contact_ms = grown("contact_ms", np.int64)
        self.flags = grown("flags", np.int64)
        self.shown_flags = grown("shown_flags", np.int64)
        self.state = grown("state", np.int64, OFFLINE)
        self.since_ms = grown("since_ms", np.int64)
        self.group = grown("group", np.int64)
        self.has_fix = grown("has_fix", np.bool_)
        self.on_map = grown("on_map", np.bool_)


def _scaled(values: list[float], factor: float) -> IntArray:
    return np.rint(np.array(values, dtype=np.float64) * factor).astype(np.int64)
