"""docs/history.md keeps up with the code: addresses, parameters, fields and limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tracker.history import areas, playback, summary, track
from tracker.history.exports.csv import COLUMNS
from tracker.history.imports.batch import MAX_ERRORS
from tracker.history.pieces import Rules
from tracker.web import (
    api,
    history_api,
    history_imports,
    history_passages,
    history_playback,
    openapi_history,
)

TEXT = (Path(__file__).parents[3] / "docs/history.md").read_text("utf-8")
WORDS = set(re.findall(r"`\.?(\w+)`", TEXT)) | set(re.findall(r'"(\w+)":', TEXT))
PATHS = openapi_history._PATHS
OPERATIONS = [(path, method) for path, item in PATHS.items() for method in item]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_address_is_described(path, method):
    short = path.removeprefix("/api/v1").replace("{format}", "gpx")
    if short.rpartition("/")[2] in ("stops", "timeline"):
        short = short.rpartition("/")[0] + "/trips`, `/stops`, `/timeline"
    first = f"`{method.upper()} {short}`"
    assert first in TEXT or f"`GET`, `{method.upper()} {short}`" in TEXT


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_parameter_is_described(path, method):
    names = {p["name"] for p in PATHS[path][method].get("parameters", [])} - {"id", "block"}
    names -= {"format"}
    assert names <= WORDS | set(re.findall(r"`(\w+)=", TEXT))


def fields(schema: Any) -> set[str]:
    """The names of all members that a schema speaks of."""
    if isinstance(schema, list):
        return {name for item in schema for name in fields(item)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own | {name for value in schema.values() for name in fields(value)}


@pytest.mark.parametrize("name", openapi_history._SCHEMAS)
def test_every_field_is_described(name):
    assert fields(openapi_history._SCHEMAS[name]) <= WORDS


def test_every_column_of_a_table_is_described():
    assert set(COLUMNS) <= WORDS


def test_the_rules_are_as_they_are_stated():
    rules = Rules()
    for name in ("stop_speed_kmh", "stop_radius_m", "stop_s", "min_trip_m", "min_trip_s", "gap_s"):
        assert f"| `{name}` | {getattr(rules, name):g} |" in TEXT


def test_the_limits_are_as_they_are_stated():
    flat = " ".join(TEXT.split())
    for stated in (
        f"({track.GAP_S:.0f} unless told, 1 to 86,400)",
        f"`tolerance_m` ({history_api.TOLERANCE_M:.0f} unless told",
        f"At most {history_api.MAX_TRACK_POINTS:,} points",
        f"at most {api.POSITIONS_MAX:,} positions as JSON",
        f"A window has at most {history_api.MAX_TIMELINE_S / 86_400:.0f} days",
        f"at most {summary.MAX_DAYS}; days that have not begun",
        f"blocks of {playback.BLOCK_S} s",
        f"commas, at most {history_playback.MAX_NAMED}",
        f"whole block; at most {history_playback.MAX_SHOWN}",
        f"At most {history_playback.MAX_BLOCK_POSITIONS:,} positions in one block",
        f"less than {playback.SETTLE_S} s ago",
        f"`{playback.KEPT_SHORTLY}`",
        f"`{playback.KEPT_LONG}`",
        f"at most {history_playback.MAX_MANIFEST_S / 86_400:.0f} days",
        f"`from`, `to`: at most {history_passages.MAX_WINDOW_S / 86_400:.0f} days",
        f"{history_passages.PAGE} unless told, at most {history_passages.PAGE_MAX:,}",
        f"At most {areas.MAX_VERTICES:,} vertices",
        f"up to {areas.MAX_RADIUS_M / 1_000:.0f} km",
        f"At most {history_imports.MAX_BYTES >> 20} MiB and {history_imports.MAX_POINTS:,} points",
        f"{history_imports.BATCH_POINTS} at a time",
        f"the first {MAX_ERRORS} are named",
    ):
        assert stated in flat, stated
