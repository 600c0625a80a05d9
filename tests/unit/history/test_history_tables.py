"""Exports as tables and features: CSV, GeoJSON and XLSX in their own readers."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.history.drives import START, pages, positions
from tests.unit.history.written import NAME, TRACKS, check_lines, drive, written
from tracker.history.exports.csv import COLUMNS, guarded, unguarded
from tracker.history.exports.text import utc
from tracker.history.exports.xlsx import XlsxFile
from tracker.model import Fix, Position

# -- CSV -------------------------------------------------------------------------------------------


def test_csv_is_rfc_4180():
    fixes = [
        Fix(
            START, 46.05, -14.5, 36.5, attributes={"text": 'a "quote", a comma'}, alarms=("=cmd()",)
        ),
        Fix(START + 0.5, 46.05, -14.5, valid=False, ignition=False, satellites=0),
    ]
    data = written("csv", positions(fixes))
    lines = data.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert lines[-1] == b""
    first, second = csv.DictReader(io.StringIO(data.decode(), newline=""))
    assert first["lon"] == "-14.5"  # a number stays one
    assert first["alarms"] == "'=cmd()"
    assert orjson.loads(first["attributes"]) == {"text": 'a "quote", a comma'}
    assert first["received_time"] == "2026-03-01T08:00:01Z"
    assert second == {
        "time": "2026-03-01T08:00:00.500Z", "lat": "46.05", "lon": "-14.5", "speed_kmh": "",
        "course_deg": "", "altitude_m": "", "valid": "false", "satellites": "0",
        "ignition": "false", "stored": "false", "received_time": "2026-03-01T08:00:01.500Z",
        "alarms": "", "attributes": "",
    }  # fmt: skip


@given(st.text())
def test_no_text_can_be_a_formula_and_all_come_back(text):
    shown = guarded(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert unguarded(shown) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "''-x"])
def test_what_could_be_a_formula_gets_an_apostrophe(text):
    assert guarded(text) == "'" + text
    assert guarded("sos") == "sos"


# -- GeoJSON ---------------------------------------------------------------------------------------


def test_geojson_has_a_line_for_each_segment():
    items = drive().positions
    features = check_lines(written("geojson", items))
    assert [f["geometry"]["type"] for f in features] == ["LineString", "Point", "LineString"]
    assert [f["properties"]["segment"] for f in features] == [1, 2, 3]
    first = features[0]["geometry"]["coordinates"][0]
    assert first == [items[0].fix.lon, items[0].fix.lat, 300.5]
    assert features[0]["properties"]["start_time"] == utc(items[0].fix.fix_time)
    assert orjson.loads(written("geojson", items))["vehicle"] == {"id": "v1", "name": NAME}


def test_a_line_is_cut_at_the_antimeridian():
    fixes = [Fix(START, 0, 179.0), Fix(START + 60, 1, -179.0), Fix(START + 120, 1, 179.0)]
    east, west, again = check_lines(written("geojson", positions(fixes)))
    assert east["geometry"]["coordinates"][-1] == [180.0, 0.5]
    assert west["geometry"]["coordinates"][0] == [-180.0, 0.5]
    assert west["properties"]["start_time"] == utc(START + 30)
    assert west["geometry"]["coordinates"][-1] == [-180.0, 1.0]
    assert again["geometry"]["coordinates"] == [[180.0, 1.0], [179.0, 1]]


@settings(max_examples=100)
@given(TRACKS, st.integers(1, 9))
def test_geojson_is_valid_whatever_is_in_it(items, page):
    check_lines(written("geojson", items, page=page))
    points = orjson.loads(written("geojson-points", items, page=page))["features"]
    assert [p["geometry"]["coordinates"][:2] for p in points] == [
        [item.fix.lon, item.fix.lat] for item in items
    ]
    for point, item in zip(points, items, strict=True):
        shown = point["properties"]
        for name in ("speed_kmh", "course_deg", "altitude_m", "satellites", "ignition", "stored"):
            assert shown[name] == getattr(item.fix, name)
        assert shown["attributes"] == item.fix.attributes
        assert tuple(shown["alarms"]) == item.fix.alarms
        assert dt.datetime.fromisoformat(shown["time"]).timestamp() == item.fix.fix_time


# -- XLSX ------------------------------------------------------------------------------------------


def sheets(path: Path, items: list[Position], **options: Any) -> list[list[tuple[Any, ...]]]:
    book = XlsxFile(path, NAME, **options)
    for page in pages(items, 7):
        book.add(page)
    book.close()
    loaded = openpyxl.load_workbook(path)
    return [list(sheet.iter_rows(values_only=True)) for sheet in loaded.worksheets]


def test_xlsx_is_read_by_openpyxl(tmp_path):
    fix = Fix(START + 0.25, 46.05, -14.5, 36.5, 90.0, 300.5, satellites=9, ignition=True)
    risky = replace(fix, alarms=("=1+1", "sos"), attributes={"a": "=HYPERLINK()", "b": "\x01ž车"})
    blank = Fix(START + 1, 46.05, -14.5, valid=False)
    [rows] = sheets(tmp_path / "a.xlsx", positions([risky, blank]))
    assert rows[0] == COLUMNS
    first = dict(zip(COLUMNS, rows[1], strict=True))
    assert first["time"] == dt.datetime(2026, 3, 1, 8, 0, 0, 250_000)  # noqa: DTZ001 - as in Excel
    assert first["received_time"] == dt.datetime(2026, 3, 1, 8, 0, 1, 250_000)  # noqa: DTZ001
    assert (first["lat"], first["lon"], first["speed_kmh"]) == (46.05, -14.5, 36.5)
    assert (first["valid"], first["ignition"], first["satellites"]) == (True, True, 9)
    assert first["alarms"] == "=1+1;sos"
    assert orjson.loads(first["attributes"]) == risky.attributes
    types = [
        cell.data_type for cell in openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0][2]
    ]
    assert types[COLUMNS.index("alarms")] in ("s", "inlineStr")  # and not "f"
    assert rows[2][3:6] == (None, None, None)
    assert rows[2][6] is False


def test_a_full_sheet_is_followed_by_another(tmp_path):
    items = positions([Fix(START + n, 46, 14) for n in range(25)])
    found = sheets(tmp_path / "b.xlsx", items, max_rows=11)
    assert [len(rows) for rows in found] == [11, 11, 6]
    assert all(rows[0] == COLUMNS for rows in found)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TRACKS)
def test_xlsx_is_valid_whatever_is_in_it(tmp_path, items):
    [rows] = sheets(tmp_path / "c.xlsx", items)
    for row, item in zip(rows[1:], items, strict=True):
        assert row[1:3] == pytest.approx((item.fix.lat, item.fix.lon), rel=1e-15)  # 16 digits
