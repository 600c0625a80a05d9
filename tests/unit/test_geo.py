"""Distances, tile numbers and datums against values that others worked out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.geo import (
    MERCATOR_LIMIT_DEG,
    TO_WGS84,
    bd09_to_wgs84,
    bearing_deg,
    cell_xy,
    distance_m,
    gcj02_to_wgs84,
    wgs84_to_gcj02,
)

CENTIMETRE_DEG = 9e-8  # of latitude

# Flinders Peak and Buninyong: the worked example of the Geocentric Datum of Australia's manual.
FLINDERS_PEAK = (-(37 + 57 / 60 + 3.72030 / 3600), 144 + 25 / 60 + 29.52440 / 3600)
BUNINYONG = (-(37 + 39 / 60 + 10.15610 / 3600), 143 + 55 / 60 + 35.38390 / 3600)


def test_distance_and_bearing_of_a_surveyed_line():
    assert distance_m(*FLINDERS_PEAK, *BUNINYONG) == pytest.approx(54_972.271, abs=0.001)
    bearing = 306 + 52 / 60 + 5.37 / 3600
    assert bearing_deg(*FLINDERS_PEAK, *BUNINYONG) == pytest.approx(bearing, abs=0.01 / 3600)


@pytest.mark.parametrize(
    ("start", "end", "bearing"),
    [
        ((0, 0), (1, 0), 0.0),
        ((0, 0), (0, 1), 90.0),
        ((0, 0), (-1, 0), 180.0),
        ((0, 0), (0, -1), 270.0),
        ((0, 179.5), (0, -179.5), 90.0),
    ],
)
def test_bearings_count_clockwise_from_north(start, end, bearing):
    assert bearing_deg(*start, *end) == pytest.approx(bearing)


def test_a_degree_along_the_equator_and_across_the_antimeridian():
    degree_m = math.pi * 6_378_137.0 / 180
    assert distance_m(0, 0, 0, 1) == pytest.approx(degree_m)
    assert distance_m(0, 179.5, 0, -179.5) == pytest.approx(degree_m)
    assert distance_m(46, 14, 46, 14) == 0.0


# Web-mercator tiles; the known ones are those of mercantile 1.2.1 (PyPI)


def tile(lat: float, lon: float, level: int) -> tuple[int, int]:
    x, y = cell_xy(np.array([lat]), np.array([lon]), level)
    return int(x[0]), int(y[0])


@pytest.mark.parametrize(
    ("lat", "lon", "level", "expected"),
    [
        (52.5163, 13.3777, 0, (0, 0)),
        (52.5163, 13.3777, 10, (550, 335)),  # the tile that holds Berlin's Brandenburg Gate
        (52.5163, 13.3777, 16, (35_203, 21_493)),
        (35.6590699, 139.7006793, 18, (232_798, 103_246)),  # Shibuya, Tokyo
        (-33.8568, 151.2153, 12, (3_768, 2_457)),  # Sydney's opera
        (0.0, 0.0, 1, (1, 1)),
        (0.0, 0.0, 16, (32_768, 32_768)),
        (1e-9, -1e-9, 1, (0, 0)),
    ],
)
def test_known_tiles(lat, lon, level, expected):
    assert tile(lat, lon, level) == expected


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (90.0, -180.0, (0, 0)),
        (-90.0, 180.0, (15, 15)),
        (MERCATOR_LIMIT_DEG, 180.0, (15, 0)),
        (-MERCATOR_LIMIT_DEG, -180.0, (0, 15)),
        (89.0, 0.0, (8, 0)),
    ],
)
def test_what_lies_beyond_the_map_falls_into_its_edge(lat, lon, expected):
    assert tile(lat, lon, 4) == expected


@given(st.floats(-85, 85), st.floats(-180, 179.999), st.integers(0, 18))
def test_tiles_as_by_the_other_form_of_the_formula(lat, lon, level):
    """ln(tan + sec) in place of asinh(tan); points within 1e-9 of an edge may fall either way."""
    phi = math.radians(lat)
    x = (lon + 180) / 360 * 2**level
    y = (1 - math.log(math.tan(phi) + 1 / math.cos(phi)) / math.pi) / 2 * 2**level
    got_x, got_y = tile(lat, lon, level)
    assert math.floor(x - 1e-9) <= got_x <= math.floor(x + 1e-9)
    assert math.floor(y - 1e-9) <= got_y <= math.floor(y + 1e-9)


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 16))
@example(0.0, 0.0, 1)
def test_a_cell_lies_in_the_cell_above_it(lat, lon, level):
    x, y = tile(lat, lon, level)
    assert tile(lat, lon, level - 1) == (x // 2, y // 2)


# Datums

# (lat, lon) taken as WGS-84, the same place in GCJ-02; and taken as BD-09, the place in WGS-84.
# Worked out with gcoord 1.0.7 (npm): transform([lon, lat], WGS84, GCJ02) and (..., BD09, WGS84).
REFERENCE = [
    ((39.908722, 116.397389), (39.91012547567846, 116.40363255334069),
     (39.90101573366785, 116.38476217647124)),
    ((31.230525, 121.473667), (31.228582885227446, 121.47819017754577),
     (31.22638175926071, 121.46260519869024)),
    ((22.5431, 114.0579), (22.54038281422246, 114.06301399856547),
     (22.54015212698131, 114.04625996580339)),
    ((43.8256, 87.6168), (43.82680539311119, 87.61964994946926),
     (43.8181629104667, 87.60755516841922)),
    ((45.7567, 126.6424), (45.75865110185797, 126.64836981630474),
     (45.748873348517996, 126.6298974775473)),
    ((30.0, 102.0), (29.997286906336114, 102.0016277597925),
     (29.996450655217785, 101.9919882495769)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "gcj02", "_bd09"), REFERENCE)
def test_gcj02_as_others_have_it(place, gcj02, _bd09):
    assert wgs84_to_gcj02(*place) == pytest.approx(gcj02, abs=1e-12)


@pytest.mark.parametrize(("place", "gcj02", "_bd09"), REFERENCE)
def test_gcj02_is_undone_to_below_a_centimetre(place, gcj02, _bd09):
    assert gcj02_to_wgs84(*gcj02) == pytest.approx(place, abs=CENTIMETRE_DEG / 10)


@pytest.mark.parametrize(("place", "_gcj02", "bd09"), REFERENCE)
def test_bd09_as_others_have_it(place, _gcj02, bd09):
    """To within the tolerance of the reference's own inverse, about a centimetre."""
    assert bd09_to_wgs84(*place) == pytest.approx(bd09, abs=CENTIMETRE_DEG)


@pytest.mark.parametrize(
    "place",
    [(51.5072, -0.1276), (35.6895, 139.6917), (-33.86, 151.21), (56.0, 100.0), (0.5, 100.0)],
)
def test_outside_its_box_gcj02_is_wgs84(place):
    assert wgs84_to_gcj02(*place) == place
    assert gcj02_to_wgs84(*place) == place


@given(st.floats(1.0, 55.5), st.floats(72.2, 137.6))
@example(35.0, 105.0)  # where the series has its kink
@example(30.0, 105.0000001)
def test_gcj02_there_and_back(lat, lon):
    shifted = wgs84_to_gcj02(lat, lon)
    assert distance_m(lat, lon, *shifted) < 1_500
    assert distance_m(*gcj02_to_wgs84(*shifted), lat, lon) < 0.01


def test_at_the_edge_of_the_box_the_inverse_ends_all_the_same():
    """There a shifted place may have no origin: the best guess is near, and comes at once."""
    edge = (4.333482987893104, 72.00587661437743)
    assert distance_m(*gcj02_to_wgs84(*edge), *edge) < 1_500


def test_the_datums_that_a_vehicle_can_report_in():
    assert set(TO_WGS84) == {"gcj02", "bd09"}
    assert TO_WGS84["gcj02"] is gcj02_to_wgs84
    assert TO_WGS84["bd09"] is bd09_to_wgs84
