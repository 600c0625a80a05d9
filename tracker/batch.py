"""What one node tells the others in a tick, as bytes.

    {"node", "boot", "seq", "tick", "vehicles": [...], "events": [...], "commands": [...],
     "rows": [row, ...]}

A row is a JSON array, the live state of one vehicle (`encode_row` gives its order). It is encoded
once and used twice: joined into the message, and kept as the vehicle's last known state for nodes
that start later. `boot` is new with each start of a node and `seq` rises by one per message, so
that a receiver sees what it missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tracker.errors import BusError
from tracker.model import (
    NOTHING,
    CommandKind,
    CommandRecord,
    CommandState,
    DeviceStatus,
    Event,
    EventKind,
    Fix,
    Live,
    Position,
    Speed,
    SpeedSource,
    State,
    Transition,
    Vehicle,
)

LIVE = "live/"  # field of a vehicle's last known state
VEHICLE = "vehicle/"  # field of a vehicle's static data
COMMAND = "command/"  # field of a command with its transitions
_WITH_SPEED = (9, 20)  # items of a row with a speed behind them: without and with a position
_TOO_LARGE = 9e15  # seconds, or microseconds of a sequence: a thousandfold must fit in 64 bits


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded message of another node, or of this one."""

    node: str
    boot: str
    sequence: int
    tick: int
    lives: tuple[Live, ...]
    vehicles: tuple[Vehicle, ...]
    events: tuple[Event, ...]
    commands: tuple[CommandRecord, ...] = ()


def encode_row(live: Live) -> bytes:
    """One vehicle's live state: what is known of it at all, then its position or nothing, then its
    newest known speed or nothing.
    """
    row: list[Any] = [
        live.vehicle_id,
        live.contact_time,
        live.ignition,
        live.motion,
        live.motion_since,
        live.still_since,
        live.alarms,
        None if live.attributes is NOTHING else dict(live.attributes),
    ]
    position = live.position
    if position is not None:
        fix = position.fix
        row += (
            position.received_time,
            position.sequence,
            fix.fix_time,
            fix.lat,
            fix.lon,
            fix.speed_kmh,
            fix.course_deg,
            fix.altitude_m,
            fix.satellites,
            fix.ignition,
            fix.stored,
        )
    speed = live.speed
    if speed is not None:
        row.append((speed.kmh, speed.fix_time, speed.received_time, speed.source))
    return orjson.dumps(row)


def _live(row: Sequence[Any]) -> Live:
    vehicle_id, contact, ignition, motion, motion_since, still_since, alarms, attributes = row[:8]
    position = known = None
    # One sum instead of a check of each: TypeError for what is no number; what is huge shows.
    numbers = contact + motion_since + (still_since or 0.0)
    if len(row) in _WITH_SPEED:
        kmh, seen, heard, source = row[-1]
        known = Speed(kmh, seen, heard, SpeedSource(source))
        numbers += kmh + seen + heard
        row = row[:-1]
    if len(row) > 8:
        received, sequence, time, lat, lon, speed, course, altitude, satellites, on, stored = row[
            8:
        ]
        if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
            raise ValueError(f"coordinates {lat}, {lon}")
        numbers += time + received + sequence + (speed or 0.0) + (course or 0.0)
        fix = Fix(
            fix_time=time,
            lat=lat,
            lon=lon,
            speed_kmh=speed,
            course_deg=course,
            altitude_m=altitude,
            stored=stored,
            satellites=satellites,
            ignition=on,
        )
        position = Position(vehicle_id, fix, received, sequence)
    if not abs(numbers) < _TOO_LARGE or ignition not in (None, True, False):
        raise ValueError(f"{vehicle_id}: {row}")
    return Live(
        vehicle_id,
        position,
        State(motion),
        motion_since,
        still_since,
        contact,
        ignition,
        tuple(alarms),
        attributes or NOTHING,
        known,
    )


def encode(
    *,
    node: str,
    boot: str,
    sequence: int,
    tick: int,
    rows: Iterable[bytes],
    vehicles: Iterable[Vehicle],
    events: Iterable[Event],
    commands: Iterable[CommandRecord] = (),
) -> bytes:
    """A whole message."""
    head = {
        "node": node,
        "boot": boot,
        "seq": sequence,
        "tick": tick,
        "vehicles": list(vehicles),
        "events": list(events),
        "commands": list(commands),
    }
    return b"".join((orjson.dumps(head)[:-1], b',"rows":[', b",".join(rows), b"]}"))


def encode_vehicle(vehicle: Vehicle) -> bytes:
    """A vehicle's static data, to be kept beside its last known state."""
    return orjson.dumps(vehicle)


def encode_command(record: CommandRecord) -> bytes:
    """A command, to be kept for nodes that start later."""
    return orjson.dumps(record)


def decode(payload: bytes) -> Batch:
    """The message. Raises BusError for bytes that are none."""
    try:
        message = orjson.loads(payload)
        return Batch(
            message["node"],
            message["boot"],
            message["seq"],
            message["tick"],
            tuple(map(_live, message["rows"])),
            tuple(map(_vehicle, message["vehicles"])),
            tuple(map(_event, message["events"])),
            tuple(map(_command, message.get("commands", ()))),
        )
    except (ValueError, TypeError, KeyError) as exc:
        raise BusError(f"not a batch: {exc}", value=payload[:64]) from None


def decode_state(fields: Mapping[str, bytes]) -> tuple[list[Live], list[Vehicle]]:
    """The last known states and static data that nodes have kept. Raises BusError."""
    try:
        lives = [_live(orjson.loads(v)) for k, v in fields.items() if k.startswith(LIVE)]
        vehicles = [_vehicle(orjson.loads(v)) for k, v in fields.items() if k.startswith(VEHICLE)]
    except (ValueError, TypeError, KeyError) as exc:
        raise BusError(f"kept state cannot be read: {exc}") from None
    return lives, vehicles


def decode_commands(fields: Mapping[str, bytes]) -> list[CommandRecord]:
    """The commands that nodes have kept. Raises BusError."""
    try:
        return [_command(orjson.loads(v)) for k, v in fields.items() if k.startswith(COMMAND)]
    except (ValueError, TypeError, KeyError) as exc:
        raise BusError(f"kept commands cannot be read: {exc}") from None


def _command(fields: dict[str, Any]) -> CommandRecord:
    steps = tuple(
        Transition(**{**one, "state": CommandState(one["state"])}) for one in fields["transitions"]
    )
    numbers = fields["created_time"] + fields["expires_time"]
    numbers += sum(one.time + one.step + (one.reference or 0) for one in steps)
    if not steps or not abs(numbers) < _TOO_LARGE:
        raise ValueError(f"command {fields['id']}")
    kind = CommandKind(fields["kind"])
    return CommandRecord(
        **{**fields, "kind": kind, "parameters": dict(fields["parameters"]), "transitions": steps}
    )


def _vehicle(fields: dict[str, Any]) -> Vehicle:
    return Vehicle(**{**fields, "status": DeviceStatus(fields["status"])})


def _event(fields: dict[str, Any]) -> Event:
    return Event(**{**fields, "kind": EventKind(fields["kind"])})
