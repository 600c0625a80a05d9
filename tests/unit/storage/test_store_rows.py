"""Positions as rows: what goes in comes out, and what counts as the same fix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.unit.storage.samples import position, positions
from tracker.model import Position
from tracker.storage.rows import (
    COLUMNS,
    position_row,
    row_is_sound,
    row_order,
    row_position,
)
from tracker.storage.schema import journal
from tracker.storage.schema import positions as positions_table

DIGEST = COLUMNS.index("digest")


def with_fix(origin: Position, **fields: Any) -> Position:
    return replace(origin, fix=replace(origin.fix, **fields))


FULL = position(
    7,
    speed_kmh=42.5,
    course_deg=271.0,
    altitude_m=301.25,
    satellites=9,
    ignition=True,
    alarms=("sos", "low_battery"),
    attributes={"battery_v": 4.1, "odometer_m": 123_456, "door": {"front": True}},
)


@given(positions)
def test_what_goes_in_comes_out(origin: Position) -> None:
    row = position_row(origin, 5)
    assert row_position(row, origin.vehicle_id) == origin
    assert row_is_sound(row, origin.vehicle_id)
    assert row_order(row) == (row[1], origin.sequence)
    assert len(row) == len(COLUMNS)


def test_the_columns_are_those_of_the_tables() -> None:
    assert tuple(positions_table.c.keys()) == COLUMNS
    assert tuple(journal.c.keys()) == ("id", *COLUMNS)


@pytest.mark.parametrize(
    "change",
    [
        {"fix_time": FULL.fix.fix_time + 1e-6},
        {"lat": FULL.fix.lat + 1e-7},
        {"lon": FULL.fix.lon + 1e-7},
        {"speed_kmh": 42.4},
        {"speed_kmh": None},
        {"course_deg": 0.0},
        {"altitude_m": None},
        {"valid": False},
        {"satellites": 8},
        {"satellites": None},
        {"ignition": False},
        {"ignition": None},
        {"alarms": ("sos",)},
        {"attributes": {"battery_v": 4.2}},
        {"attributes": {}},
    ],
    ids=repr,
)
def test_another_content_is_another_fix(change: dict[str, Any]) -> None:
    other = with_fix(FULL, **change)
    row = position_row(other, 1)
    assert row[DIGEST] != position_row(FULL, 1)[DIGEST]
    assert row_position(row, "v1") == other


@pytest.mark.parametrize(
    "again",
    [
        with_fix(FULL, stored=True),
        replace(FULL, received_time=FULL.received_time + 900, sequence=FULL.sequence + 1),
    ],
)
def test_a_second_delivery_is_the_same_fix(again: Position) -> None:
    assert position_row(again, 1)[DIGEST] == position_row(FULL, 1)[DIGEST]
    assert row_position(position_row(again, 1), "v1") == again


def test_minus_zero_is_zero_as_sqlite_stores_it() -> None:
    zero, minus = position(0, lat=0.0, speed_kmh=0.0), position(0, lat=-0.0, speed_kmh=-0.0)
    assert position_row(zero, 1)[DIGEST] == position_row(minus, 1)[DIGEST]


def test_a_fix_belongs_to_one_vehicle() -> None:
    row = position_row(FULL, 1)
    assert row[DIGEST] != position_row(replace(FULL, vehicle_id="v2"), 1)[DIGEST]
    assert row[DIGEST] == position_row(FULL, 2)[DIGEST], "but the key is the database's business"
    assert not row_is_sound(row, "v2")


@pytest.mark.parametrize("column", [c for c in range(1, len(COLUMNS)) if c not in (10, 11)])
def test_a_row_that_was_changed_is_not_sound(column: int) -> None:
    row = list(position_row(FULL, 1))
    row[column] = row[column] + 1 if isinstance(row[column], int | float) else row[column] + " "
    assert not row_is_sound(tuple(row), "v1")


def test_garbage_is_not_sound() -> None:
    for garbage in (None, "text", b"\xff", 2**70):
        for column in range(1, len(COLUMNS)):
            row = list(position_row(FULL, 1))
            if column not in (10, 11):
                row[column] = garbage
                assert not row_is_sound(tuple(row), "v1"), (column, garbage)


def test_odd_attributes_are_stored_in_plain_words() -> None:
    origin = position(0, attributes={"raw": b"\x01\xff", "cells": {2, 1}})
    stored = row_position(position_row(origin, 1), "v1")
    assert stored.fix.attributes == {"raw": "01ff", "cells": [1, 2]}
