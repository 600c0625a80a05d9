"""Imports: what comes out of files, what is refused and why, and that exports come back whole."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace

import gpxpy
import gpxpy.gpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.history.drives import START, Drive, positions
from tests.unit.history.written import FIXES, written
from tracker.errors import RequestError
from tracker.history.imports import READERS
from tracker.history.imports.batch import MAX_ERRORS, Account
from tracker.history.imports.csv import MAX_RECORD
from tracker.history.imports.gpx import MAX_DEPTH, MAX_TEXT, MAX_TOKEN
from tracker.history.imports.points import IMPORTED, RawPoint, fix_of
from tracker.model import Fix

LATEST = START + 10_000_000.0


def points(name: str, data: bytes, size: int = 1_000) -> list[RawPoint]:
    reader = READERS[name]()
    found = [p for n in range(0, len(data), size) for p in reader.feed(data[n : n + size])]
    return found + reader.close()


def fixes(name: str, data: bytes, size: int = 1_000) -> list[Fix]:
    return [fix_of(point, LATEST) for point in points(name, data, size)]


def error(name: str, data: bytes) -> str:
    """What is wrong with the first point that is wrong."""
    account = Account("v1", LATEST, LATEST, sequence=0)
    account.fixes(points(name, data))
    assert account.errors, "nothing is wrong"
    return "line {line}: {error}".format(**account.errors[0])


def gpx(*points_: str, attributes: str = "") -> bytes:
    body = "\n".join(points_)
    return (
        f'<?xml version="1.0"?>\n<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"'
        f"{attributes}>\n<trk><trkseg>\n{body}\n</trkseg></trk></gpx>"
    ).encode()


POINT = '<trkpt lat="46.05" lon="14.5"><time>2026-03-01T08:00:00Z</time>%s</trkpt>'
HEADER = b"time,lat,lon\r\n"


# -- round trips -----------------------------------------------------------------------------------


def marked(fix: Fix) -> Fix:
    return replace(fix, attributes={**fix.attributes, IMPORTED: True})


@settings(max_examples=150)
@given(st.lists(FIXES, max_size=20), st.integers(1, 700))
def test_csv_comes_back_as_it_went(given_fixes, size):
    """But alarms without a name, and what an alarm's name would have to be quoted for."""
    items = [
        replace(fix, alarms=tuple(a for a in fix.alarms if a and ";" not in a))
        for fix in given_fixes
    ]
    items = [replace(fix, valid=(fix.lat, fix.lon) != (0.0, 0.0)) for fix in items]
    found = fixes_late(written("csv", positions(items)), size)
    assert found == [marked(fix) for fix in items]


def fixes_late(data: bytes, size: int, name: str = "csv") -> list[Fix]:
    return [fix_of(point, 3e9) for point in points(name, data, size)]


@settings(max_examples=150)
@given(st.lists(FIXES, max_size=20), st.integers(1, 700))
def test_gpx_comes_back_as_it_went(given_fixes, size):
    """But what GPX has no place for, texts that XML cannot say, and a longitude of 180."""
    items = [
        replace(
            fix,
            lon=-180.0 if fix.lon == 180.0 else fix.lon,
            valid=(fix.lat, fix.lon) != (0.0, 0.0),
            stored=False,
            attributes={},
            alarms=tuple(a for a in fix.alarms if a.isprintable() and "\r" not in a),
        )
        for fix in given_fixes
    ]
    data = written("gpx", positions([replace(fix, valid=True) for fix in items]))
    assert fixes_late(data, size, "gpx") == [marked(fix) for fix in items]


def test_what_gpxpy_writes_is_read_like_gpxpy_reads_it():
    document = gpxpy.gpx.GPX()
    track = gpxpy.gpx.GPXTrack()
    document.tracks.append(track)
    segment = gpxpy.gpx.GPXTrackSegment()
    track.segments.append(segment)
    for n, position in enumerate(Drive().go(50, 200).positions):
        fix = position.fix
        point = gpxpy.gpx.GPXTrackPoint(fix.lat, fix.lon, elevation=100.5 + n)
        point.time = gpxpy.gpxfield.parse_time(f"2026-03-01T08:{n:02}:00Z")
        point.satellites = n
        point.type_of_gpx_fix = "none" if n == 3 else "3d"
        segment.points.append(point)
    data = document.to_xml(version="1.1").encode()
    expected = [p for s in gpxpy.parse(data.decode()).tracks[0].segments for p in s.points]
    found = fixes("gpx", data)
    assert len(found) == 20
    for fix, point in zip(found, expected, strict=True):
        assert (fix.lat, fix.lon, fix.altitude_m) == (
            point.latitude,
            point.longitude,
            point.elevation,
        )
        assert point.time is not None
        assert fix.fix_time == point.time.timestamp()
    assert [fix.valid for fix in found[2:5]] == [True, False, True]
    assert found[7].satellites == 7


# -- GPX -------------------------------------------------------------------------------------------


def test_speed_and_course_of_gpx_1_0_and_of_extensions():
    old = (
        b'<gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0"><trk><trkseg>'
        b'<trkpt lat="1" lon="2"><time>2026-03-01T08:00:00Z</time><course>90</course>'
        b"<speed>10</speed></trkpt></trkseg></trk></gpx>"
    )
    [fix] = fixes("gpx", old)
    assert (fix.speed_kmh, fix.course_deg) == (36.0, 90.0)
    extension = (
        "<extensions><x:TrackPointExtension><x:atemp>20</x:atemp><x:speed>10</x:speed>"
        "<x:course>360</x:course></x:TrackPointExtension></extensions>"
    )
    data = gpx(POINT % extension, attributes=' xmlns:x="urn:any"')
    [fix] = fixes("gpx", data)
    assert (fix.speed_kmh, fix.course_deg) == (36.0, 0.0)
    assert fix.attributes == {IMPORTED: True}


def test_only_the_points_of_tracks_are_taken():
    data = gpx(POINT % "").replace(
        b"<trk>",
        b'<wpt lat="1" lon="1"><name>a</name></wpt><rte><rtept lat="1" lon="1"/></rte><trk>',
    )
    assert len(fixes("gpx", data)) == 1


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_bytes_may_come_in_any_pieces(size):
    data = written("gpx", Drive().go(50, 300).positions)
    assert len(points("gpx", data, size)) == 30


BOMBS = [
    b'<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><gpx><trk><name>&j;</name></trk></gpx>",
    b'<!DOCTYPE gpx [<!ENTITY a "' + b"a" * 10_000 + b'">]><gpx>' + b"&a;" * 10_000 + b"</gpx>",
    b'<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx><trk>&x;</trk></gpx>',
    b'<!DOCTYPE gpx SYSTEM "http://127.0.0.1/x.dtd"><gpx/>',
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_document_type_is_read(bomb):
    with pytest.raises(RequestError, match="line 1: a document type is not allowed"):
        points("gpx", bomb)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "line 1: not well-formed XML: no element found"),
        (b"<html></html>", "line 1: the document is not GPX but <html>"),
        (gpx(POINT % "")[:-10], "not well-formed XML: unclosed token"),
        (gpx(POINT % "").replace(b"</trkseg>", b"</trk>"), "line 5: .*mismatched tag"),
        (gpx("&nothing;"), "line 4: .*undefined entity"),
        (gpx("<a>" * MAX_DEPTH), "line 4: elements are nested deeper than 32"),
        (gpx(POINT % "").replace(b"utf", b"x"), ""),
        (b"\xff\xfe" + b"abc", "not well-formed"),
    ],
)
def test_what_is_no_gpx_is_named_by_its_line(data, why):
    if not why:
        assert len(points("gpx", data)) == 1
        return
    with pytest.raises(RequestError, match=why):
        points("gpx", data)


def test_no_tag_is_held_for_ever():
    with pytest.raises(RequestError, match=f"longer than {MAX_TOKEN} bytes"):
        points("gpx", b"<gpx><!-- " + b"x" * (MAX_TOKEN + 20_000) + b" --></gpx>", 8_192)
    assert points("gpx", b"<gpx><!-- " + b"x" * (MAX_TOKEN - 20_000) + b" --></gpx>", 8_192) == []


def test_long_texts_are_not_kept():
    reader = READERS["gpx"]()
    reader.feed(gpx(POINT % "").partition(b"</time>")[0])
    tracemalloc.start()
    for _ in range(1_000):
        reader.feed(b"8" * 8_192)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    [point] = reader.feed(b"</time></trkpt>")
    with pytest.raises(ValueError, match=f"time: is longer than {MAX_TEXT} characters"):
        fix_of(point, LATEST)


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ('<trkpt lat="46"><time>2026-03-01T08:00:00Z</time></trkpt>', "line 4: lat and lon: must"),
        ('<trkpt lat="46" lon="14.5"/>', "line 4: time: must be given"),
        (POINT.replace("46.05", "90.1") % "", "line 4: lat: must be a number within -90..90"),
        (POINT.replace("14.5", "nan") % "", "line 4: lon: must be a number within -180..180"),
        (POINT.replace("14.5", "1_4") % "", "line 4: lon: must be a number"),
        (POINT.replace("2026-03-01T08:00:00Z", "today") % "", "line 4: time: must be like"),
        (POINT.replace("2026", "1999") % "", "line 4: time: 1999-03-01T08:00:00Z is before 2001"),
        (POINT.replace("2026", "2099") % "", "line 4: time: .* is in the future"),
        (POINT % "<ele>high</ele>", "line 4: altitude_m: must be a number"),
        (POINT % "<sat>-1</sat>", "line 4: satellites: must be a number within 0..255"),
    ],
)
def test_what_is_wrong_with_a_point_is_named_by_its_line(point, why):
    found = error("gpx", gpx(point, POINT % ""))
    assert re.match(why, found), found


# -- CSV -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_csv_of_others(size):
    data = (
        "\ufeffLongitude;ignored,LATITUDE, Timestamp ,speed,Name\n"
        '14.5,46.05,2026-03-01T09:00:00+01:00,36.5,"Ž\nline 2, ""quoted"""\n\n'
        "14.6,46.06,1772352010.5,,x"
    ).replace("Longitude;ignored", "lng")
    first, second = fixes("csv", data.encode(), size)
    assert (first.fix_time, first.lat, first.lon, first.speed_kmh) == (START, 46.05, 14.5, 36.5)
    assert (second.fix_time, second.lon, second.speed_kmh) == (START + 10.5, 14.6, None)
    assert points("csv", data.encode(), size)[1].line == 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "line 1: a header is missing"),
        (b"\r\n\r\n", "a header is missing"),
        (b"lat,lon\r\n1,2\r\n", "line 1: the header has no time"),
        (b"time,lat,lon,Latitude\r\n", "line 1: the header has lat twice"),
        (HEADER + b'2026-03-01,"1,2\r\n3,4\r\n', "line 2: a quote is not closed"),
        (HEADER + b"\xff\xfe\r\n", "line 2: is not UTF-8"),
        (HEADER + b"x" * (MAX_RECORD + 1), "line 2: is longer than 16384 characters"),
        (HEADER + b'"' + b"x\n" * MAX_RECORD, "is longer than 16384 characters"),
    ],
)
def test_what_is_no_csv_is_named_by_its_line(data, why):
    with pytest.raises(RequestError, match=why):
        points("csv", data, 100_000)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("2026-03-01T08:00:00Z,46", "line 2: has 2 cells, the header 4"),
        ('2026-03-01T08:00:00Z,46,14,{"a":1', "line 2: is not CSV|line 2: attributes: must be"),
        ("2026-03-01T08:00:00Z,46,14,[1]", "line 2: attributes: must be a JSON object"),
        ("2026-03-01T08:00:00Z,'=1,14,", "line 2: lat: must be a number"),
        ("1e9,46,14,", "line 2: time: must be like"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(row, why):
    found = error("csv", f"time,lat,lon,attributes\n{row}\n".encode())
    assert re.match(why, found), found


def test_nowhere_is_no_place():
    [fix] = fixes("csv", HEADER + b"2026-03-01T08:00:00Z,0,0\r\n")
    assert not fix.valid


# -- the account -----------------------------------------------------------------------------------


def test_an_account_counts_every_point_once():
    account = Account("v1", LATEST, LATEST, sequence=7)
    bad = [RawPoint(n, {"time": "x", "lat": "1", "lon": "2"}) for n in range(30)]
    good = [
        RawPoint(n, {"time": f"{START + n:.0f}", "lat": "1", "lon": "2"}) for n in (5, 3, 3, 9, 8)
    ]
    taken = account.positions(account.fixes([*bad, *good]), {(round((START + 9) * 1e6), 1.0, 2.0)})
    assert [p.fix.fix_time - START for p in taken] == [5, 3, 8]
    assert [p.sequence for p in taken] == [8, 9, 10]
    assert all(p.fix.attributes[IMPORTED] is True for p in taken)
    assert (account.points, account.rejected, account.duplicates) == (35, 30, 2)
    assert (account.first_time, account.last_time) == (START + 3, START + 8)
    assert len(account.errors) == MAX_ERRORS


@given(st.binary(max_size=200), st.sampled_from(["gpx", "csv"]))
def test_whatever_comes_is_points_or_a_request_error(data, name):
    said = ""
    found: list[RawPoint] = []
    try:
        found = points(name, data, 17)
    except RequestError as exc:
        said = exc.message
    assert not said or said.startswith("line ")
    assert all(isinstance(point, RawPoint) for point in found)
