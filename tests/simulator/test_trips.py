"""Recorded trips: the readers, the preparation, and the bundled files."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.errors import TripError, UsageError
from simulator.geodesy import distance_and_course
from simulator.model import Trip, TripPoint
from simulator.trips import Reading, bundled, load
from simulator.trips.compose import FILES
from simulator.trips.nmea import read_nmea
from simulator.trips.prepare import (
    assume_speed,
    check_kept_times,
    fill_in,
    interpolate,
    shorten_gaps,
    to_fixes,
)
from simulator.trips.table import parse_layout

from .tracker_double import xor

NOON = 1_775_390_400.0  # 2026-04-05 12:00:00 UTC

GPX_10 = """<?xml version="1.0"?>
<gpx version="1.0" creator="hand" xmlns="http://www.topografix.com/GPX/1/0">
 <trk><name>second half</name><trkseg>
  <trkpt lat="45.02" lon="14.0"><time>2026-04-05T12:00:20Z</time><course>12.5</course>
   <speed>10</speed></trkpt></trkseg></trk>
 <trk><trkseg/></trk>
 <trk><trkseg>
  <trkpt lat="45.00" lon="14.0"><ele>7</ele><time>2026-04-05T12:00:00Z</time></trkpt>
  <trkpt lat="45.005" lon="14.0"/>
  <trkpt lat="45.01" lon="14.0"><time>2026-04-05T12:00:10Z</time></trkpt>
 </trkseg></trk>
</gpx>"""

GPX_UNTIMED = """<?xml version="1.0"?>
<gpx version="1.1" creator="hand" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
 <trkpt lat="45.00" lon="14.0"/><trkpt lat="45.01" lon="14.0"/></trkseg></trk></gpx>"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def straight(*times: float | None, step_deg: float = 0.001) -> Trip:
    """Points one after the other to the north."""
    points = tuple(
        TripPoint(time, 45.0 + step_deg * index, 14.0) for index, time in enumerate(times)
    )
    return Trip("straight", points, "straight.gpx")


# -- GPX


def test_gpx_joins_tracks_in_time_and_leaves_out_what_has_none(tmp_path: Path) -> None:
    (trip,) = load([written(tmp_path, "hand.gpx", GPX_10)], Reading())
    assert [point.time for point in trip.points] == [NOON, NOON + 10, NOON + 20]
    assert trip.remarks == ("1 of 4 points without time left out",)
    assert trip.points[0].altitude_m == 7.0
    assert trip.points[2].speed_kmh == 36.0
    assert trip.points[2].course_deg == 12.5


def test_gpx_without_times_asks_for_a_speed(tmp_path: Path) -> None:
    name = written(tmp_path, "untimed.gpx", GPX_UNTIMED)
    with pytest.raises(TripError, match="--assume-speed"):
        load([name], Reading())
    (trip,) = load([name], Reading(assume_speed_kmh=36.0))
    distance_m, _ = distance_and_course(45.0, 14.0, 45.01, 14.0)
    assert trip.duration_s == pytest.approx(distance_m / 10.0)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("broken.gpx", "<gpx><trk>", "not GPX"),
        ("empty.gpx", GPX_UNTIMED.replace("trkpt", "rtept"), "no track"),
        ("away.gpx", GPX_10.replace('lat="45.00"', 'lat="145.00"'), "does not lie on Earth"),
        ("what.kml", "", "which kind is it"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_by_name(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(TripError, match=why) as caught:
        load([written(tmp_path, name, text)], Reading())
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(TripError, match=r"nowhere\.gpx: no such file"):
        load(["nowhere.gpx"], Reading())


# -- CSV


def test_csv_with_named_columns_and_many_vehicles(tmp_path: Path) -> None:
    text = (
        "when;car;y;x;v;on\n"
        "05.04.2026 12:00:05;b;45.5;14.5;10;yes\n"
        "05.04.2026 12:00:00;a;45.0;14.0;;no\n"
        "05.04.2026 12:00:04;a;nonsense;14.0;;no\n"
        "05.04.2026 12:00:09;a;45.1;14.1;20;no\n"
    )
    layout = parse_layout(
        "time=when,vehicle=car,lat=Y,lon=x,speed=v,ignition=on", "ms", None, "%d.%m.%Y %H:%M:%S"
    )
    b, a = load([written(tmp_path, "cars.csv", text)], Reading(layout))
    assert (b.name, a.name) == ("b", "a")
    assert [point.time for point in a.points] == [NOON, NOON + 9]
    assert b.points[0].speed_kmh == 36.0
    assert (b.points[0].ignition, a.points[0].ignition) == (True, False)
    assert (b.remarks, a.remarks) == (("1 rows left out, the first is row 4",), ())


@pytest.mark.parametrize(
    "stamp", ["2026-04-05T12:00:00Z", "2026-04-05T14:00:00+02:00", "1775390400", "1775390400000"]
)
def test_csv_times_of_several_kinds(tmp_path: Path, stamp: str) -> None:
    text = f"timestamp,latitude,longitude\n{stamp},45,14\n"
    (trip,) = load([written(tmp_path, "one.csv", text)], Reading())
    assert trip.points[0].time == NOON
    assert trip.name == "one"


@pytest.mark.parametrize(
    ("text", "columns", "why"),
    [
        ("a,b,c\n1,2,3\n", "", "which column is time and lat and lon"),
        ("time,lat,lon\n1,2,3\n", "speed=velocity", "no column 'velocity'"),
        ("time,lat,lon\nx,nan,3\n", "", "none of its rows"),
        ("time,lat,lon\n5,95,3\n", "", "none of its rows"),
    ],
)
def test_csv_troubles_are_told(tmp_path: Path, text: str, columns: str, why: str) -> None:
    name = written(tmp_path, "bad.csv", text)
    with pytest.raises(TripError, match=why):
        load([name], Reading(parse_layout(columns)))


@pytest.mark.parametrize(
    ("columns", "unit", "why"),
    [("time", "kmh", "NAME=HEADING"), ("colour=c", "kmh", "NAME=HEADING"), ("", "mach", "mach")],
)
def test_csv_options_are_checked(columns: str, unit: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_layout(columns, unit)


# -- NMEA


def sentence(body: str) -> str:
    return f"${body}*{xor(body.encode()):02X}\n"


def test_nmea_merges_rmc_and_gga(tmp_path: Path) -> None:
    text = (
        "log of somebody\n"
        + sentence("GPRMC,120000.50,A,3327.4073,S,07038.9259,W,10.0,271.4,050426,,,A")
        + sentence("GPGGA,120000.50,3327.4073,S,07038.9259,W,1,09,0.9,567.0,M,,M,,")
        + sentence("GPGGA,120001.50,3327.4073,S,07038.9259,W,1,08,0.9,560.0,M,,M,,")
        + sentence("GNRMC,120001.50,A,3327.4073,S,07038.9259,W,,,050426,,,A")
        + sentence("GPRMC,120002.50,V,,,,,,,050426,,,N")
        + sentence("GPRMC,120003.50,A,garbage,S,07038.9259,W,,,050426,,,A")
        + "$GPRMC,120004.50,A,3327.4073,S,07038.9259,W,,,050426,,,A*00\n"
    )
    trip = read_nmea(Path(written(tmp_path, "ship.nmea", text)))
    first, second = trip.points
    assert first == TripPoint(
        NOON + 0.5,
        pytest.approx(-33.456788, abs=1e-6),
        pytest.approx(-70.648765, abs=1e-6),
        pytest.approx(18.52),
        271.4,
        567.0,
        9,
    )
    assert (second.time, second.altitude_m, second.satellites) == (NOON + 1.5, 560.0, 8)
    assert second.speed_kmh is None
    assert set(trip.remarks) == {
        "1 sentences left out: wrong checksum",
        "1 sentences left out: cannot be understood",
    }


def test_nmea_without_positions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TripError, match="no RMC sentence"):
        read_nmea(Path(written(tmp_path, "silent.nmea", sentence("GPVTG,,T,,M,0.0,N,0.0,K"))))


# -- preparation


def test_speed_and_course_come_from_successive_points() -> None:
    distance_m, _ = distance_and_course(45.0, 14.0, 45.001, 14.0)
    trip = fill_in(straight(0.0, 10.0, 30.0))
    speeds = [point.speed_kmh for point in trip.points]
    assert speeds == pytest.approx([distance_m * 0.36, distance_m * 0.36, distance_m * 0.18])
    assert [point.course_deg for point in trip.points] == pytest.approx([0.0, 0.0, 0.0])


def test_what_was_recorded_is_kept_and_standing_keeps_the_course() -> None:
    points = (
        TripPoint(0.0, 45.0, 14.0),
        TripPoint(5.0, 45.0, 14.01, speed_kmh=33.0),
        TripPoint(10.0, 45.0, 14.01),
    )
    said = fill_in(Trip("east", points)).points
    assert said[1].speed_kmh == 33.0
    assert said[1].course_deg == pytest.approx(90.0, abs=0.01)
    assert said[2].course_deg == said[1].course_deg
    assert said[2].speed_kmh == 0.0


def test_points_of_one_second_and_single_points_have_no_speed_of_their_own() -> None:
    assert [point.speed_kmh for point in fill_in(straight(5.0, 5.0)).points] == [0.0, 0.0]
    assert fill_in(straight(5.0)).points[0].speed_kmh == 0.0


def test_interpolation_fills_in_on_the_geodesic() -> None:
    trip = interpolate(straight(0.0, 4.0, 4.5, step_deg=0.01), 1.0)
    assert [point.time for point in trip.points] == [0.0, 1.0, 2.0, 3.0, 4.0, 4.5]
    whole, _ = distance_and_course(45.0, 14.0, 45.01, 14.0)
    for one, other in pairwise(trip.points[:5]):
        step, _ = distance_and_course(one.lat, one.lon, other.lat, other.lon)
        assert step == pytest.approx(whole / 4, abs=0.01)


def test_long_gaps_are_not_filled_in() -> None:
    assert len(interpolate(straight(0.0, 120.0), 1.0).points) == 121
    assert len(interpolate(straight(0.0, 121.0), 1.0).points) == 2


def test_gaps_are_shortened() -> None:
    trip = shorten_gaps(straight(0.0, 10.0, 5000.0, 5010.0), 60.0)
    assert [point.time for point in trip.points] == [0.0, 10.0, 70.0, 80.0]


def test_assumed_speed_spreads_the_points_by_distance() -> None:
    trip = assume_speed(straight(None, None, None), 50.0)
    first, second, third = (point.time or 0.0 for point in trip.points)
    assert first == 0.0
    assert third == pytest.approx(2 * second, rel=1e-4)


def test_fixes_count_metres_and_take_an_unknown_ignition_for_on() -> None:
    points = (TripPoint(0.0, 45.0, 14.0, ignition=False), TripPoint(9.0, 45.001, 14.0, -1.0, 725.0))
    off, on = to_fixes(Trip("two", points))
    assert (off.ignition, on.ignition) == (False, True)
    assert on.odometer_m == pytest.approx(111.1, abs=0.1)
    assert (on.speed_kmh, on.course_deg) == (0.0, 5.0)


def test_times_before_2000_cannot_be_kept() -> None:
    check_kept_times(straight(946_684_800.0))
    with pytest.raises(TripError, match="before 2000"):
        check_kept_times(straight(946_684_799.0))


# -- the bundled trips


@pytest.mark.parametrize("name", FILES)
def test_bundled_files_are_what_compose_makes(name: str) -> None:
    assert bundled()[name].read_bytes() == FILES[name]().encode("ascii")


def test_bundled_names_are_known() -> None:
    assert set(bundled()) == set(FILES)


@pytest.mark.parametrize(
    ("name", "vehicles", "limit_kmh"),
    [("town-car.gpx", 1, 50.1), ("country-vans.csv", 3, 80.1), ("bus-line.nmea", 1, 50.1)],
)
def test_bundled_trips_are_believable(name: str, vehicles: int, limit_kmh: float) -> None:
    trips = load([name], Reading())
    assert len(trips) == vehicles
    for trip in trips:
        assert trip.remarks == ()
        assert 300 < trip.duration_s < 1200
        stood = sum(1 for point in trip.points if point.speed_kmh == 0.0)
        assert 0.1 < stood / len(trip.points) < 0.6
        for one, other in pairwise(to_fixes(trip)):
            passed_s = other.fix_time - one.fix_time
            assert 1.0 <= passed_s <= 5.0
            assert other.speed_kmh < limit_kmh
            assert abs(other.speed_kmh - one.speed_kmh) / 3.6 / passed_s < 2.5
            moved_m = other.odometer_m - one.odometer_m
            fastest_ms = max(one.speed_kmh, other.speed_kmh) / 3.6
            assert moved_m <= (fastest_ms + 2.5 * passed_s) * passed_s + 4.0
        start, end = trip.points[0], trip.points[-1]
        way_m, _ = distance_and_course(start.lat, start.lon, end.lat, end.lon)
        assert math.isfinite(way_m)
        if name != "country-vans.csv":
            assert way_m < 10.0  # round trips: replay may loop without a leap


def test_bundled_vehicles_park_with_the_ignition_off() -> None:
    for name in ("town-car.gpx", "country-vans.csv"):
        points = [point for trip in load([name], Reading()) for point in trip.points]
        assert any(point.ignition is False for point in points)
        assert all(point.speed_kmh == 0.0 for point in points if point.ignition is False)
