"""Segments, thinning and columns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Proj

from tests.unit.history.drives import START, Drive, pages, positions
from tracker.history.columns import columns, position_columns
from tracker.history.track import Part, Segments, Thinned, Whole, parts, simplified
from tracker.model import Fix, Position


def run(maker, items: list[Position], size: int = 100) -> list[Part]:
    found = [part for page in pages(items, size) for part in maker.add(page)]
    return found + maker.end()


def joined(found: list[Part]) -> list[list[Position]]:
    """Whole segments."""
    segments: list[list[Position]] = []
    for part in found:
        if part.opens:
            segments.append([])
        segments[-1] += part.positions
    return segments


def off_line_m(thin: list[Position], whole: list[Position]) -> float:
    """The greatest distance of a point from the thinned line, in a plane around the first."""
    plane = Proj(proj="aeqd", lat_0=whole[0].fix.lat, lon_0=whole[0].fix.lon, ellps="WGS84")

    def points(items: list[Position]) -> np.ndarray:
        return np.column_stack(plane([p.fix.lon for p in items], [p.fix.lat for p in items]))

    line = shapely.LineString(points(thin))
    return float(shapely.distance(shapely.points(points(whole)), line).max())


def test_a_segment_ends_at_a_gap():
    drive = Drive().go(50, 100).silent(300).go(50, 100).silent(301).go(50, 100)
    segments = joined(run(Segments(300), drive.positions, 7))
    assert [len(segment) for segment in segments] == [20, 10]
    assert list(itertools.chain(*segments)) == drive.positions


def test_invalid_fixes_are_not_drawn_but_are_in_tables():
    fixes = [Fix(START + n, 46, 14.5 + n / 1e4, valid=n % 3 > 0) for n in range(30)]
    items = positions(fixes)
    assert [p.fix.valid for p in itertools.chain(*joined(run(Segments(), items)))] == [True] * 20
    assert joined(run(Whole(), items, 4)) == [items]


def test_a_straight_way_is_two_points():
    drive = Drive(69.0, 18.0).go(90, 3_600, course=0.0)  # along a meridian: a geodesic
    [segment] = joined(run(parts(tolerance_m=5.0), drive.positions))
    assert segment == [drive.positions[0], drive.positions[-1]]


@pytest.mark.parametrize("lat", [0.0, 46.0, 70.0])
def test_the_tolerance_is_in_metres_at_any_latitude(lat):
    drive = Drive(lat, 14.5)
    for turn in range(40):
        drive.go(50, 60, turn * 37 % 180)
    for tolerance in (1.0, 20.0, 300.0):
        [segment] = joined(run(parts(tolerance_m=tolerance), drive.positions))
        assert len(segment) < len(drive.positions)
        assert off_line_m(segment, drive.positions) <= tolerance * 1.01


def test_thinning_keeps_gaps_and_both_ends_of_every_segment():
    drive = Drive().go(50, 600).silent(400).go(50, 600, 180).silent(500).go(50, 10)
    whole = joined(run(Segments(), drive.positions))
    thin = joined(run(Thinned(10.0), drive.positions, 13))
    assert [(s[0], s[-1]) for s in thin] == [(s[0], s[-1]) for s in whole]


def test_a_long_segment_is_thinned_in_pieces_that_meet():
    drive = Drive(every=1)
    for turn in range(60):
        drive.go(50, 30, turn * 53 % 360)
    maker = Thinned(5.0, piece_points=100)
    found = run(maker, drive.positions, 77)
    assert len(found) > 10
    assert [part.opens for part in found] == [True] + [False] * (len(found) - 1)
    [segment] = joined(found)
    times = [p.fix.fix_time for p in segment]
    assert times == sorted(set(times))
    assert off_line_m(segment, drive.positions) <= 5.05


def test_a_track_around_the_globe_is_thinned():
    fixes = [
        Fix(START + n * 60, 50 * np.sin(n / 20), (n * 3 + 180) % 360 - 180) for n in range(240)
    ]
    [segment] = joined(run(Thinned(1_000.0), positions(fixes)))
    assert segment[0].fix == fixes[0]
    assert segment[-1].fix == fixes[-1]
    assert len(segment) > 20


def test_standing_still_is_little():
    drive = Drive(every=1).stand(3_600)
    assert len(simplified(drive.positions, 1.0)) <= 3


WALK = st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=3, max_size=60)


@settings(max_examples=100)
@given(steps=WALK, tolerance=st.sampled_from([1.0, 15.0, 60.0]))
def test_what_is_left_is_a_part_in_order_and_near_the_rest(steps, tolerance):
    places = itertools.accumulate(steps, lambda a, b: (a[0] + b[0], a[1] + b[1]))
    fixes = [Fix(START + n, 46 + y / 1e5, 14.5 + x / 1e5) for n, (x, y) in enumerate(places)]
    items = positions(fixes)
    thin = simplified(items, tolerance)
    assert thin[0] is items[0]
    assert thin[-1] is items[-1]
    assert [p for p in items if p in thin] == thin
    if len({(p.fix.lat, p.fix.lon) for p in thin}) > 1:
        assert off_line_m(thin, items) <= tolerance * 1.02 + 0.01


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000_000),
            st.floats(-90, 90),
            st.floats(-180, 180),
            st.none() | st.floats(0, 500),
            st.none() | st.floats(0, 359.99),
        ),
        min_size=1,
    )
)
def test_columns_add_up_to_what_was_scaled(rows):
    times, lat, lon, speed, course = zip(*sorted(rows, key=lambda row: row[0]), strict=True)
    found = columns(times, lat, lon, speed, course, [0] * len(times), origin_ms=500)
    assert [500 + t for t in itertools.accumulate(found["t"])] == list(times)
    assert list(itertools.accumulate(found["lat"])) == [round(value * 1e6) for value in lat]
    assert list(itertools.accumulate(found["lon"])) == [round(value * 1e6) for value in lon]
    for name, values in (("speed", speed), ("course", course)):
        for shown, value in zip(found[name], values, strict=True):
            assert shown == -1 if value is None else abs(shown - value * 10) <= 0.5 or shown == 0


def test_columns_of_positions():
    fixes = [
        Fix(START, 46.05, 14.5, 36.5, 359.97, ignition=True),
        Fix(START + 1.5, 46.05001, 14.49998, None, None, ignition=False, alarms=("sos",)),
        Fix(START + 2.5, 46.05001, 14.49998, 0.0, 0.0),
    ]
    assert position_columns(positions(fixes)) == {
        "t": [round(START * 1e3), 1_500, 1_000],
        "lat": [46_050_000, 10, 0],
        "lon": [14_500_000, -20, 0],
        "speed": [365, -1, 0],
        "course": [0, -1, 0],
        "flags": [3, 6, 0],
    }
