"""Short ways to the nouns that the tests of the core are full of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracker.model import Fix, Live, Position, State, Vehicle

T0 = 1_740_000_000.0  # 2025-02-19T21:20:00Z, a whole second


def fix(time_s: float = 0.0, lat: float = 46.0, lon: float = 14.5, **more: Any) -> Fix:
    """A fix `time_s` after T0."""
    return Fix(T0 + time_s, lat, lon, **more)


def position(
    vehicle_id: str = "a", time_s: float = 0.0, *, sequence: int = 1, **more: Any
) -> Position:
    """A position received when it was fixed."""
    return Position(vehicle_id, fix(time_s, **more), T0 + time_s, sequence)


def vehicle(id_: str = "a", **more: Any) -> Vehicle:
    """A vehicle named after its id."""
    return Vehicle(id_, **{"name": f"Truck {id_}", "device": f"device-{id_}"} | more)


def live(
    vehicle_id: str = "a",
    time_s: float = 0.0,
    *,
    motion: State = State.MOVING,
    ignition: bool | None = None,
    alarms: Iterable[str] = (),
    motion_since: float = T0,
    contact: float | None = None,
    **more: Any,
) -> Live:
    """A vehicle's state with a position `time_s` after T0."""
    return Live(
        vehicle_id,
        position(vehicle_id, time_s, **more),
        motion,
        motion_since,
        contact_time=T0 + time_s if contact is None else contact,
        ignition=ignition,
        alarms=tuple(alarms),
    )
