"""Areas, and who passed them when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from tests.unit.history.drives import START, Drive, pages, positions
from tracker.errors import RequestError
from tracker.history.areas import (
    MAX_VERTICES,
    Area,
    box_area,
    boxes,
    circle_area,
    polygon_area,
    touches,
)
from tracker.history.passages import Passages, Visit, within
from tracker.model import Fix

GEOD = Geod(ellps="WGS84")


def visits(area: Area, fixes: list[Fix], *, page: int = 100, gap_s: float = 300.0) -> list[Visit]:
    found = Passages(area, gap_s)
    return [v for part in pages(positions(fixes), page) for v in found.add(part)] + found.end()


def square(west: float, south: float, east: float, north: float) -> dict[str, object]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def line(start: float, lat: float, lons: list[float], every: float = 10.0) -> list[Fix]:
    return [Fix(start + n * every, lat, lon) for n, lon in enumerate(lons)]


AREAS = [
    box_area((14.50, 46.00, 14.60, 46.10)),
    polygon_area(square(14.50, 46.00, 14.60, 46.10)),
    polygon_area({"type": "Feature", "geometry": square(14.50, 46.00, 14.60, 46.10)}),
    polygon_area(
        {
            "type": "MultiPolygon",
            "coordinates": [
                square(14.50, 46.00, 14.55, 46.10)["coordinates"],
                square(14.55, 46.00, 14.60, 46.10)["coordinates"],
            ],
        }
    ),
]


@pytest.mark.parametrize("area", AREAS)
def test_entering_and_leaving_are_between_the_fixes(area):
    [visit] = visits(area, line(START, 46.05, [14.46, 14.52, 14.58, 14.64]))
    assert visit.enter_time == pytest.approx(START + 10 * 4 / 6)
    assert visit.exit_time == pytest.approx(START + 20 + 10 * 2 / 6)
    assert (visit.entered, visit.left, visit.silent_s) == (True, True, 0.0)


@pytest.mark.parametrize("area", AREAS)
def test_a_line_between_two_fixes_outside_passes(area):
    [visit] = visits(area, line(START, 46.05, [14.4, 14.7]))
    assert visit.enter_time == pytest.approx(START + 10 / 3)
    assert visit.exit_time == pytest.approx(START + 20 / 3)
    assert visits(area, line(START, 46.11, [14.4, 14.7])) == []
    assert visits(area, line(START, 46.05, [14.4, 14.7], every=301.0)) == []


def test_inside_from_the_first_to_the_last_fix():
    [visit] = visits(AREAS[0], line(START, 46.05, [14.52] * 50), page=7)
    assert (visit.enter_time, visit.exit_time) == (START, START + 490)
    assert (visit.entered, visit.left) == (False, False)


def test_silence_inside_is_one_visit_and_says_so():
    fixes = line(START, 46.05, [14.4, 14.52, 14.52])
    fixes += line(START + 7_220, 46.05, [14.53, 14.7])
    [visit] = visits(AREAS[0], fixes)
    assert visit.silent_s == 7_200
    assert visit.entered
    assert visit.left


def test_who_is_elsewhere_after_a_silence_was_inside_as_long_as_was_seen():
    fixes = line(START, 46.05, [14.4, 14.52, 14.53])
    fixes += line(START + 7_220, 46.05, [14.7, 14.8])
    fixes += line(START + 15_000, 46.05, [14.55, 14.7])
    first, second = visits(AREAS[0], fixes)
    assert (first.exit_time, first.entered, first.left) == (START + 20, True, False)
    assert (second.enter_time, second.entered, second.left) == (START + 15_000, False, True)


def test_an_area_with_a_bay_is_left_and_entered_within_one_hop():
    horseshoe = [[0, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1], [1, 2], [0, 2], [0, 0]]
    area = polygon_area({"type": "Polygon", "coordinates": [horseshoe]})
    first, second = visits(area, [Fix(START, 1.5, 0.5), Fix(START + 20, 1.5, 2.5)])
    assert (first.enter_time, first.exit_time) == (START, pytest.approx(START + 5))
    assert (second.enter_time, second.exit_time) == (pytest.approx(START + 15), START + 20)


def test_a_hole_is_outside():
    ring = square(0, 0, 3, 3)["coordinates"]
    hole = square(1, 1, 2, 2)["coordinates"]
    area = polygon_area({"type": "Polygon", "coordinates": [*ring, *hole]})
    assert visits(area, [Fix(START, 1.5, 1.4), Fix(START + 10, 1.5, 1.6)]) == []
    assert len(visits(area, [Fix(START, 1.5, 0.5), Fix(START + 10, 1.5, 2.5)])) == 2


@pytest.mark.parametrize(
    "area",
    [
        box_area((179.5, -1, -179.5, 1)),
        polygon_area(square(179.5, -1, 180.5, 1)),
        polygon_area(square(-180.5, -1, -179.5, 1)),
        polygon_area(
            {
                "type": "MultiPolygon",
                "coordinates": [
                    square(179.5, -1, 180, 1)["coordinates"],
                    square(-180, -1, -179.5, 1)["coordinates"],
                ],
            }
        ),
        circle_area(0.0, 180.0, 55_659.75),  # half a degree of the equator
    ],
)
def test_over_the_antimeridian(area):
    [visit] = visits(area, line(START, 0.0, [179.0, 179.9, -179.9, -179.0], every=90))
    assert visit.enter_time == pytest.approx(START + 90 * 5 / 9, abs=0.1)
    assert visit.exit_time == pytest.approx(START + 180 + 90 * 4 / 9, abs=0.1)
    [within_] = visits(area, line(START, 0.0, [179.9, -179.9, 179.95]))
    assert within_.silent_s == 0.0
    assert visits(area, line(START, 0.0, [178.0, -179.0], every=400)) == []
    assert visits(area, line(START, 0.5, [0.5, -0.5])) == []
    assert touches(area.box, (-179.9, -0.1, -179.8, 0.1))
    assert touches(area.box, (179.8, -0.1, 179.9, 0.1))
    assert not touches(area.box, (-1, -1, 1, 1))


@pytest.mark.parametrize("lat", [0.0, 46.05, -70.0])
def test_a_circle_is_as_wide_as_its_radius(lat):
    area = circle_area(lat, 14.5, 1_000.0)
    for course in range(0, 360, 30):
        near_lon, near_lat, _ = GEOD.fwd(14.5, lat, course, 998.0)
        far_lon, far_lat, _ = GEOD.fwd(14.5, lat, course, 1_002.0)
        assert len(visits(area, [Fix(START, near_lat, near_lon)])) == 1
        assert visits(area, [Fix(START, far_lat, far_lon)]) == []
        assert touches(area.box, (near_lon, near_lat, near_lon, near_lat))
    drive = Drive(lat, 14.4, every=5).go(90, 900)
    [visit] = visits(area, drive.fixes)
    speed = 90 / 3.6
    assert visit.exit_time - visit.enter_time == pytest.approx(2_000 / speed, rel=0.05)


def test_a_circle_around_a_pole_has_every_longitude():
    area = circle_area(89.9, 0.0, 50_000.0)
    assert area.box[0] == -180
    assert len(visits(area, [Fix(START, 89.9, 170.0)])) == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], ["x", 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 95], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0]]]]},
        {"type": "MultiPolygon", "coordinates": {"a": 1}},
        {"type": "Feature", "geometry": None},
        {"type": "Polygon", "coordinates": [[[0, 0]] * (MAX_VERTICES + 1)]},
    ],
)
def test_what_is_no_area_is_refused(data):
    with pytest.raises(RequestError, match=r"^area: "):
        polygon_area(data)


@pytest.mark.parametrize("circle", [(91, 0, 5), (0, 181, 5), (0, 0, 0), (0, 0, -1), (0, 0, 1e9)])
def test_what_is_no_circle_is_refused(circle):
    with pytest.raises(RequestError, match=r"^circle: "):
        circle_area(*circle)


def test_a_box_over_the_antimeridian_is_two():
    assert boxes((1, 2, 3, 4)) == [(1, 2, 3, 4)]
    assert boxes((170, -1, -170, 1)) == [(170, -1, 180, 1), (-180, -1, -170, 1)]


def test_a_window_cuts_visits():
    inside = Visit(START, START + 100, entered=True, left=True)
    before = Visit(START - 200, START - 150, entered=True, left=True)
    [cut] = within([before, inside], START + 10, START + 50)
    assert cut == Visit(START + 10, START + 50, entered=False, left=False)


WAY = st.lists(
    st.tuples(st.floats(45.9, 46.2), st.floats(14.4, 14.7), st.sampled_from([1.0, 60.0, 400.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150)
@example(way=[(45.9375, 14.5, 1.0), (46.10000016180552, 14.5625, 1.0)], page=1, number=0)
@given(way=WAY, page=st.integers(1, 41), number=st.integers(0, 3))
def test_a_visit_holds_every_fix_inside_and_none_outside(way, page, number):
    time, fixes = START, []
    for lat, lon, seconds in way:
        time += seconds
        fixes.append(Fix(time, lat, lon))
    found = visits(AREAS[number], fixes, page=page)
    for earlier, later in pairwise(found):
        assert earlier.exit_time <= later.enter_time
    for fix in fixes:
        inside = 46.0 <= fix.lat <= 46.1 and 14.5 <= fix.lon <= 14.6
        held = any(v.enter_time - 1e-6 <= fix.fix_time <= v.exit_time + 1e-6 for v in found)
        # So near to an edge a vehicle crosses it within the tolerance of the times.
        edge = min(abs(fix.lat - 46.0), abs(fix.lat - 46.1)) < 1e-6
        edge = edge or min(abs(fix.lon - 14.5), abs(fix.lon - 14.6)) < 1e-6
        if not edge:
            assert inside is held
    assert [repr(v) for v in found] == [repr(v) for v in visits(AREAS[number], fixes, page=1_000)]
