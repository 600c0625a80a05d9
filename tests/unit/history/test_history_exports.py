"""Exports as lines: GPX and KML in their own readers, whatever is in the positions."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import tracemalloc
from typing import Any

import fastkml.validator
import gpxpy
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.unit.history.drives import START, positions
from tests.unit.history.written import NAME, TRACKS, VEHICLE, check_lines, drive, written
from tracker.history.exports import FORMATS
from tracker.history.exports.csv import COLUMNS
from tracker.history.exports.gpx import GARMIN, GPX, OWN
from tracker.history.exports.text import decimal, utc, xml
from tracker.history.track import Part, Segments, Whole
from tracker.model import Fix

# -- texts -----------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_reads_back_and_has_no_exponent(value):
    text = decimal(value)
    assert float(text) == value
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_reads_back_to_the_microsecond(time_us):
    moment = dt.datetime.fromisoformat(utc(time_us / 1e6))
    assert round(moment.timestamp() * 1e6) == time_us


def test_times_are_short_where_they_can_be():
    assert utc(START) == "2026-03-01T08:00:00Z"
    assert utc(START + 0.25) == "2026-03-01T08:00:00.250Z"
    assert utc(START + 0.000001) == "2026-03-01T08:00:00.000001Z"


@given(st.text())
def test_any_text_can_stand_in_xml(text):
    element = etree.fromstring(f'<a b="{xml(text)}">{xml(text)}</a>'.encode())
    kept = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert (element.text or "") == kept


# -- GPX -------------------------------------------------------------------------------------------

POINT_ORDER = ["ele", "time", "magvar", "geoidheight", "name", "cmt", "desc", "src", "link", "sym"]
POINT_ORDER += ["type", "fix", "sat", "hdop", "vdop", "pdop", "ageofdgpsdata", "dgpsid"]
POINT_ORDER += ["extensions"]
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def check_gpx(data: bytes) -> list[list[Any]]:
    """The points by segment of a document that is as gpx.xsd of GPX 1.1 has it."""
    root = etree.fromstring(data)
    assert root.tag == f"{{{GPX}}}gpx"
    assert root.get("version") == "1.1"
    assert root.get("creator")
    [track] = list(root)
    assert track.tag == f"{{{GPX}}}trk"
    tags = [child.tag.removeprefix(f"{{{GPX}}}") for child in track]
    assert tags[:2] == ["name", "desc"]
    assert set(tags[2:]) <= {"trkseg"}
    segments = [list(segment) for segment in list(track)[2:]]
    for point in (point for segment in segments for point in segment):
        assert point.tag == f"{{{GPX}}}trkpt"
        lat, lon = point.get("lat", ""), point.get("lon", "")
        assert DECIMAL.fullmatch(lat)
        assert DECIMAL.fullmatch(lon)
        assert -90 <= float(lat) <= 90
        assert -180 <= float(lon) < 180
        names = [child.tag.removeprefix(f"{{{GPX}}}") for child in point]
        order = [POINT_ORDER.index(name) for name in names]
        assert order == sorted(set(order))
        for child in point.findall(f"{{{GPX}}}extensions/*"):
            assert child.tag.startswith((f"{{{GARMIN}}}", f"{{{OWN}}}"))
            if child.tag.endswith("TrackPointExtension"):
                names = [leaf.tag.removeprefix(f"{{{GARMIN}}}") for leaf in child]
                assert names in (["speed"], ["course"], ["speed", "course"])
                assert all(DECIMAL.fullmatch(leaf.text or "") for leaf in child)
    return segments


def test_gpx_is_read_by_gpxpy():
    items = drive().positions
    data = written("gpx", items)
    assert [len(segment) for segment in check_gpx(data)] == [10, 1, 10]
    parsed = gpxpy.parse(data.decode())
    [track] = parsed.tracks
    assert track.name == NAME
    points = [point for segment in track.segments for point in segment.points]
    for point, position in zip(points, items, strict=True):
        fix = position.fix
        assert (point.latitude, point.longitude) == (fix.lat, fix.lon)
        assert (point.elevation, point.satellites) == (fix.altitude_m, fix.satellites)
        assert point.time is not None
        assert point.time.timestamp() == fix.fix_time
    speeds = [e.text for e in etree.fromstring(data).iter(f"{{{GARMIN}}}speed")]
    assert speeds[0] == "13.889"  # m/s


@settings(max_examples=150)
@given(TRACKS, st.integers(1, 9))
def test_gpx_is_valid_whatever_is_in_it(items, page):
    segments = check_gpx(written("gpx", items, page=page))
    assert sum(map(len, segments)) == len(items)


def test_an_empty_track_is_a_file_all_the_same():
    assert check_gpx(written("gpx", [])) == []
    assert list(csv.reader(io.StringIO(written("csv", []).decode()))) == [list(COLUMNS)]
    assert orjson.loads(written("geojson", []))["features"] == []
    assert orjson.loads(written("geojson-points", []))["features"] == []
    check_kml(written("kml", []))


# -- KML -------------------------------------------------------------------------------------------

KML = "{http://www.opengis.net/kml/2.2}"
GX = "{http://www.google.com/kml/ext/2.2}"


def check_kml(data: bytes) -> list[list[tuple[str, str]]]:
    """(time, place) of the points by placemark, of a document as both schemas have it."""
    root = etree.fromstring(data)
    assert fastkml.validator.validate(element=root)
    found: list[list[tuple[str, str]]] = []
    for placemark in root.iter(f"{KML}Placemark"):
        points: list[tuple[str, str]] = []
        for track in placemark.iter(f"{GX}Track"):
            times = [e.text or "" for e in track.findall(f"{KML}when")]
            places = [e.text or "" for e in track.findall(f"{GX}coord")]
            values = list(track.iter(f"{GX}value"))
            assert len(times) == len(places) == len(values) > 0
            points += zip(times, places, strict=True)
        found.append(points)
    return found


def test_a_kml_document_that_is_wrong_would_be_seen():
    wrong = re.sub(rb"(</?gx:)coord>", rb"\1place>", written("kml", drive().positions))
    with pytest.raises(AssertionError):
        check_kml(wrong)


def test_kml_has_a_track_with_times_for_each_segment():
    items = drive().positions
    tracks = check_kml(written("kml", items))
    assert [len(track) for track in tracks] == [10, 1, 10]
    time, place = tracks[0][0]
    fix = items[0].fix
    assert time == utc(fix.fix_time)
    assert [float(number) for number in place.split()] == [fix.lon, fix.lat, 300.5]


@settings(max_examples=60)
@given(TRACKS, st.integers(1, 9))
def test_kml_is_valid_whatever_is_in_it(items, page):
    tracks = check_kml(written("kml", items, page=page))
    assert sum(map(len, tracks)) == len(items)


@pytest.mark.parametrize("name", ["kml", "geojson"])
@pytest.mark.parametrize("count", [4_999, 5_000, 5_001, 9_999, 10_001])
def test_long_segments_go_on_where_they_were_cut(name, count):
    fixes = [Fix(START + n, 46, 14 + n / 1e5) for n in range(count)]
    fixes += [Fix(START + 100_000, 46, 14.0), Fix(START + 100_001, 46, 14.1)]
    data = written(name, positions(fixes), page=1_000)
    if name == "kml":
        first, second = check_kml(data)
        times = [time for time, _ in first]
        assert len(second) == 2
    else:
        *lines, _last = check_lines(data)
        assert {line["properties"]["segment"] for line in lines} == {1}
        times = [t for line in lines for t in line["properties"]["coordinateProperties"]["times"]]
    joints = (count - 2) // 4_999 if count > 5_000 else 0
    assert len(times) == count + joints
    assert list(dict.fromkeys(times)) == [utc(fix.fix_time) for fix in fixes[:-2]]


# -- memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(FORMATS))
def test_memory_does_not_grow_with_the_track(name):
    def peak(count: int) -> int:
        form = FORMATS[name]
        maker, writer = (Segments() if form.drawn else Whole()), form.writer(VEHICLE)
        tracemalloc.start()
        writer.begin()
        for start in range(0, count, 500):
            page = positions(
                [Fix(START + n, 46 + n / 1e6, 14.5, 30.0) for n in range(start, start + 500)]
            )
            for part in maker.add(page):
                writer.add(part)
        writer.end()
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(30_000) < 1.2 * peak(10_000) + 100_000


def test_parts_of_a_segment_need_not_open_it():
    writer = FORMATS["gpx"].writer(VEHICLE)
    items = drive().positions[:4]
    data = writer.begin() + writer.add(Part(items[:2], opens=True))
    data += writer.add(Part(items[2:], opens=False)) + writer.end()
    assert [len(segment) for segment in check_gpx(data)] == [4]
