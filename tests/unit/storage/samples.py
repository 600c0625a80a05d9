"""Positions and vehicles for tests of the journal and of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tracker.model import NOTHING, Fix, Position, Vehicle
from tracker.storage.rows import COLUMNS, row_position

START = 1_760_000_000.0  # 2025-10-09


def position(
    number: int,
    vehicle_id: str = "v1",
    *,
    fix_time: float | None = None,
    lat: float = 46.05,
    lon: float = 14.51,
    sequence: int | None = None,
    attributes: Mapping[str, Any] = NOTHING,
    **fix: Any,
) -> Position:
    """The number-th fix of a vehicle: one a second, received half a second later."""
    fix_time = START + number if fix_time is None else fix_time
    received = START + number + 0.5
    return Position(
        vehicle_id,
        Fix(fix_time, lat, lon, attributes=attributes, **fix),
        received_time=received,
        sequence=round(received * 1e6) if sequence is None else sequence,
    )


def track(count: int, vehicle_id: str = "v1", first: int = 0) -> list[Position]:
    """Fixes of one vehicle in order, each a little further."""
    return [
        position(n, vehicle_id, lat=46 + n * 1e-5, lon=14 + n * 1e-5, speed_kmh=n % 130 + 0.1)
        for n in range(first, first + count)
    ]


def vehicle(vehicle_id: str, **fields: Any) -> Vehicle:
    return Vehicle(vehicle_id, f"Van {vehicle_id}", f"imei-{vehicle_id}", **fields)


def rows_of(path: Path, table: str) -> list[Position]:
    """What a table of a file holds, read past everything that is tested; as stored."""
    columns = ", ".join(f"p.{name}" for name in COLUMNS)
    order = "p.id" if table == "journal" else "p.fix_time_us, p.sequence"
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            f"SELECT vehicle_id, {columns} FROM {table} p"  # noqa: S608
            f" JOIN vehicle_keys k ON k.vehicle_key = p.vehicle_key ORDER BY {order}"
        ).fetchall()
    return [row_position(tuple(row[1:]), row[0]) for row in rows]


def _unknown_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
_times = st.integers(0, 2**32 * 1_000_000).map(lambda us: us / 1e6)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _numbers | _texts

fixes = st.builds(
    Fix,
    fix_time=_times,
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    speed_kmh=_unknown_or(_numbers),
    course_deg=_unknown_or(st.floats(0, 360)),
    altitude_m=_unknown_or(_numbers),
    valid=st.booleans(),
    stored=st.booleans(),
    satellites=_unknown_or(st.integers(0, 99)),
    ignition=_unknown_or(st.booleans()),
    alarms=st.lists(_texts, max_size=3).map(tuple),
    attributes=st.dictionaries(_texts, _plain, max_size=4),
)
positions = st.builds(
    Position,
    vehicle_id=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=13),
    fix=fixes,
    received_time=_times,
    sequence=st.integers(0, 2**63 - 1),
)
