"""The nouns of the house: what a device says, what a vehicle is, what a tick carries.

Frozen, slotted dataclasses and enums without behaviour beyond simple derivations. Times are Unix
seconds (UTC, float) unless a name says otherwise; coordinates are degrees WGS-84; every other
unit stands in the name.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracker.records import record


class _Nothing(Mapping[str, Any]):
    """The empty mapping that cannot be filled: a default that all records may share."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, key: object) -> bool:  # Mapping's own asks by way of an exception
        return False

    def __hash__(self) -> int:  # dataclasses take only hashable defaults for immutable
        return 0

    def __repr__(self) -> str:
        return "{}"


NOTHING: Mapping[str, Any] = _Nothing()


class State(enum.IntEnum):
    """What a vehicle is doing. The number is its code on the wire; the order is fixed."""

    MOVING = 0
    IDLE = 1  # stands still with the ignition on (or unknown)
    PARKED = 2  # stands still with the ignition off, or has stood still for long
    STALE = 3  # was heard of, but its position is older than it should be
    OFFLINE = 4  # has not been heard of for long

    @property
    def label(self) -> str:
        """The name that REST, the live feed and the page use."""
        return self.name.lower()


@record
@dataclass(frozen=True, slots=True)
class Fix:
    """One position as a device states it, before it is known whose it is.

    `fix_time` is the time of the fix in UTC: the decoder has applied the device's time zone.
    `valid` is the device's own word on whether satellites stood behind the coordinates.
    `stored` marks a fix that waited in the device's memory (backlog). `alarms` holds the names of
    the alarms that are active in this report; repeats are edge-detected later, not here.
    `attributes` holds whatever else was said, under the names of docs/protocols/README.md.
    The readers of the busiest protocols give the fields by place: names would go through a
    dictionary, at a third of a microsecond.
    """

    fix_time: float
    lat: float
    lon: float
    speed_kmh: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    valid: bool = True
    stored: bool = False
    satellites: int | None = None
    ignition: bool | None = None
    alarms: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = NOTHING


@record
@dataclass(frozen=True, slots=True)
class Position:
    """A fix accepted for a vehicle.

    `sequence` orders positions of equal `fix_time`, also between nodes: it is the microsecond of
    reception, made strictly increasing on each node.
    """

    vehicle_id: str
    fix: Fix
    received_time: float
    sequence: int

    @property
    def order(self) -> tuple[float, int]:
        """The merge rule: the greatest (fix_time, sequence) of a vehicle wins."""
        return (self.fix.fix_time, self.sequence)


class DeviceStatus(enum.StrEnum):
    """Whether a device may report: decided by policy when it first appears."""

    ACTIVE = "active"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle and the device in it. What changes with every fix is not here."""

    id: str
    name: str
    device: str  # the identity that the tracker reports, as it was first reported
    fleet: str = "main"
    group: str = ""  # path of nested groups, "north/trucks"; "" is the whole fleet
    protocol: str = ""
    status: DeviceStatus = DeviceStatus.ACTIVE
    utc_offset_s: int | None = None  # of the device's clock; None: what the protocol says
    datum: str = "wgs84"  # wgs84, gcj02 or bd09: what the device reports in
    created_time: float = 0.0


class SpeedSource(enum.IntEnum):
    """By what a speed is known. The number is its code between nodes; the order is fixed."""

    STATED = 0  # in a valid fix
    DERIVED = 1  # from movement between two valid fixes
    DOUBTFUL = 2  # good enough to say that a vehicle drives, and not that it stands


@record
@dataclass(frozen=True, slots=True)
class Speed:
    """A speed, and when it was: `fix_time` is never after `received_time`."""

    kmh: float
    fix_time: float
    received_time: float
    source: SpeedSource = SpeedSource.STATED


@record
@dataclass(frozen=True, slots=True)
class Live:
    """The latest state of one vehicle: what a tick carries of it and what REST shows.

    `position` is the newest valid one, None before the first. `contact_time` is when the device
    was last heard at all, heartbeats included. `motion` is moving, idle or parked and never
    stale or offline: those follow from age and are worked out by whoever looks, at its own now.
    `speed` is the newest that is known in the order of reception, see tracker.speeds: not always
    that of `position`.
    """

    vehicle_id: str
    position: Position | None = None
    motion: State = State.PARKED
    motion_since: float = 0.0
    still_since: float | None = None  # since when it stands, None while it moves
    contact_time: float = 0.0
    ignition: bool | None = None
    alarms: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = NOTHING
    speed: Speed | None = None

    @property
    def order(self) -> tuple[float, int, float]:
        """The greatest of a vehicle's states is the newest: by its position, then by contact."""
        if self.position is None:
            return (-math.inf, 0, self.contact_time)
        return (*self.position.order, self.contact_time)


class EventKind(enum.StrEnum):
    """Kinds of the lossless events that ride beside positions."""

    ALARM = "alarm"
    ALARM_OVER = "alarm_over"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once and must not be lost between two ticks.

    Of a command `name` is the kind, and `command` to `detail` are those of one transition.
    """

    id: str
    kind: EventKind
    vehicle_id: str
    time: float
    name: str
    fleet: str = "main"
    group: str = ""
    lat: float | None = None
    lon: float | None = None
    command: str = ""
    state: str = ""
    reply: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything that changed on one node in one tick: the newest state per vehicle.

    `number` is floor(unix time / interval). An empty tick is a tick too.
    """

    number: int
    time: float
    changed: tuple[Live, ...] = ()
    events: tuple[Event, ...] = ()


class CommandKind(enum.StrEnum):
    """What a dispatcher can ask of a device, in words that no protocol owns."""

    LOCATE = "locate"
    INTERVAL = "interval"  # parameters: seconds
    TEXT = "text"  # parameters: text
    REBOOT = "reboot"
    ENGINE_CUT = "engine_cut"
    ENGINE_RESTORE = "engine_restore"
    CUSTOM = "custom"  # parameters: text, in the device's own command language, or hex


@dataclass(frozen=True, slots=True)
class Command:
    """One command for one device. `reference` (1 to 65,535) ties the device's reply to it."""

    kind: CommandKind
    reference: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)


class CommandState(enum.StrEnum):
    """How far a command has come. The rules are in tracker.commands.life."""

    QUEUED = "queued"
    HELD = "held"  # an engine cut waits for the vehicle to become slow
    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a command. `id` is the same wherever it is heard of.

    `step` counts from 0. A node that takes a step has claimed it, so there is one of each; only
    nodes that could not hear each other can have taken the same one.
    """

    id: str
    time: float
    state: CommandState
    step: int
    node: str
    detail: str = ""
    reply: str | None = None
    reference: int | None = None  # of `sent`: what ties a reply to it


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command for a vehicle's device, and everything that has become of it so far.

    All but `transitions` is given once and for all, by the node that took the command.
    """

    id: str
    vehicle_id: str
    kind: CommandKind
    parameters: Mapping[str, Any]
    created_time: float
    expires_time: float  # when it is not sent any more
    node: str
    transitions: tuple[Transition, ...] = ()  # in the order of `life.ordered`
