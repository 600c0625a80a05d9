"""Vehicles as rows: the one place that knows how a `Vehicle` lies in a table."""

from __future__ import annotations

from typing import Any

from tracker.model import DeviceStatus, Vehicle
from tracker.storage.rows import Row
from tracker.storage.schema import vehicles

# Columns have the names of the fields, but for `group`, which is a word of SQL.
FIELDS = tuple("group" if column.name == "group_path" else column.name for column in vehicles.c)


def vehicle_values(vehicle: Vehicle) -> dict[str, Any]:
    """The columns of a vehicle by name, as plain values."""
    values: dict[str, Any] = {field: getattr(vehicle, field) for field in FIELDS}
    values["group_path"] = values.pop("group")
    values["status"] = vehicle.status.value
    return values


def row_vehicle(row: Row) -> Vehicle:
    """The vehicle of a row of the table, whose columns are in the order of the fields."""
    values = dict(zip(FIELDS, row, strict=True))
    values["status"] = DeviceStatus(values["status"])
    return Vehicle(**values)
