"""The live feed's client state, written from docs/live-feed.md alone.

Messages go in as parsed JSON, and out comes the table of vehicles and what changed in it. Strict
where the contract is strict: whatever contradicts it raises `FeedError`, because this client is
how a run notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from simulator.errors import FeedError
from simulator.model import Stated

VERSION = 1
UNKNOWN = -1  # of a speed or a course
ENTER_COLUMNS = (
    "n", "id", "name", "device", "lat", "lon", "speed", "course", "age", "state", "since", "flags",
)  # fmt: skip
MOVE_COLUMNS = ("n", "lat", "lon", "fix", "speed", "course")
STATE_COLUMNS = ("n", "state", "since", "flags")


@dataclass(slots=True)
class Shown:
    """One vehicle as a viewer holds it, in the feed's whole numbers; times in Unix ms."""

    id: str
    name: str
    device: str
    cell: tuple[str, str]  # cell and group that it came with
    lat_e6: int
    lon_e6: int
    speed_dkmh: int
    course_ddeg: int
    fix_ms: int
    state: int
    since_ms: int
    flags: int

    def stated(self) -> Stated:
        """Its position, to be compared with what a frame stated."""
        return Stated(self.fix_ms, self.lat_e6, self.lon_e6, self.speed_dkmh, self.course_ddeg)


@dataclass(frozen=True, slots=True)
class TickSeen:
    """What one tick message said."""

    tick: int
    time_ms: int  # the server's clock when the message was built
    degraded: bool
    conflated: int
    counts: tuple[int, ...]
    reset: bool
    moved: tuple[Shown, ...]  # vehicles whose position came with this tick
    events: tuple[Mapping[str, Any], ...]
    errors: tuple[str, ...]


@dataclass(slots=True)
class Changes:
    """What has been gathered of one tick message so far."""

    reset: bool = False
    moved: dict[int, Shown] = field(default_factory=dict)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Feed:
    """The state of one connection."""

    def __init__(self) -> None:
        self.vehicles: dict[int, Shown] = {}
        self.states: tuple[str, ...] = ()
        self.interval_ms = 0
        self.tick: int | None = None

    def hello(self, message: Mapping[str, Any]) -> None:
        """The first message. Raises FeedError."""
        if message.get("type") != "hello" or message.get("version") != VERSION:
            raise FeedError(f"the feed does not open with hello of version {VERSION}")
        self.states = tuple(message["states"])
        self.interval_ms = int(message["tick_interval_ms"])

    def tick_message(self, message: Mapping[str, Any]) -> TickSeen:
        """One tick: view, then every leave, then every enter, move and state. Raises FeedError."""
        if not self.interval_ms:
            raise FeedError("a tick before hello")
        try:
            return self._tick(message)
        except (KeyError, TypeError, IndexError) as error:
            raise FeedError(f"tick {message.get('tick')}: {error!r}") from error

    def _tick(self, message: Mapping[str, Any]) -> TickSeen:
        tick, parts = int(message["tick"]), message["parts"]
        if self.tick is not None and tick <= self.tick:
            raise FeedError(f"tick {tick} after tick {self.tick}")
        status = parts[0]
        if status["kind"] != "status":
            raise FeedError(f"tick {tick}: the first part is {status['kind']!r}, not status")
        changes = Changes()
        for part in _kind(parts, "view"):
            self._view(part, changes)
        cells = list(_kind(parts, "cell"))
        for part in cells:
            self._leave(part.get("leave", ()))
        for part in cells:
            where = (part["cell"], part["group"])
            self._enter(part.get("enter"), where, tick * self.interval_ms, changes)
        for part in cells:
            self._move(part.get("move"), changes)
            self._state(part.get("state"), tick * self.interval_ms)
        for part in _kind(parts, "events"):
            changes.events += part["events"]
        changes.errors += [part["detail"] for part in _kind(parts, "error")]
        self.tick = tick
        return TickSeen(
            tick,
            int(status["time_ms"]),
            status["feed"] != "live",
            int(status["conflated"]),
            tuple(status["counts"]),
            changes.reset,
            tuple(changes.moved.values()),
            tuple(changes.events),
            tuple(changes.errors),
        )

    def _view(self, part: Mapping[str, Any], changes: Changes) -> None:
        if part["reset"]:
            changes.reset = True
            self.vehicles.clear()
            return
        cells, groups = set(part["cells"]), set(part["groups"])
        gone = [
            handle
            for handle, shown in self.vehicles.items()
            if shown.cell[0] not in cells or shown.cell[1] not in groups
        ]
        for handle in gone:
            del self.vehicles[handle]

    def _leave(self, handles: Sequence[int]) -> None:
        for handle in handles:
            if self.vehicles.pop(handle, None) is None:
                raise FeedError(f"vehicle {handle} leaves and is not there")

    def _enter(
        self,
        columns: Mapping[str, Any] | None,
        where: tuple[str, str],
        tick_ms: int,
        changes: Changes,
    ) -> None:
        for handle, row in _rows(columns, ENTER_COLUMNS):
            ident, name, device, lat, lon, speed, course, age, state, since, flags = row
            shown = Shown(
                ident, name, device, where, lat, lon, speed, course,
                tick_ms - age, state, tick_ms - since, flags,
            )  # fmt: skip
            self.vehicles[handle] = shown
            changes.moved[handle] = shown

    def _move(self, columns: Mapping[str, Any] | None, changes: Changes) -> None:
        for handle, (lat, lon, fix, speed, course) in _rows(columns, MOVE_COLUMNS):
            shown = self._known(handle, "moves")
            shown.lat_e6 += lat
            shown.lon_e6 += lon
            shown.fix_ms += fix
            shown.speed_dkmh = speed
            shown.course_ddeg = course
            changes.moved[handle] = shown

    def _state(self, columns: Mapping[str, Any] | None, tick_ms: int) -> None:
        for handle, (state, since, flags) in _rows(columns, STATE_COLUMNS):
            shown = self._known(handle, "changes its state")
            shown.state = state
            shown.since_ms = tick_ms - since
            shown.flags = flags

    def _known(self, handle: int, does: str) -> Shown:
        try:
            return self.vehicles[handle]
        except KeyError:
            raise FeedError(f"vehicle {handle} {does} and has not entered") from None


def _kind(parts: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (part for part in parts if part["kind"] == kind)


def _rows(
    columns: Mapping[str, Any] | None, names: Sequence[str]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(handle, the other columns) of each entry. Raises FeedError where the columns differ."""
    if columns is None:
        return
    handles, *values = (columns[name] for name in names)
    if any(len(column) != len(handles) for column in values):
        raise FeedError(f"columns of different length: {', '.join(names)}")
    if any(step <= 0 for step in handles[1:]):
        raise FeedError("handles that do not rise")
    yield from zip(accumulate(handles), zip(*values, strict=True), strict=True)
