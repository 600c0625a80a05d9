"""Generated motion: determined by its seed, and within what cars do."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from simulator.geodesy import Plane, distance_and_course
from simulator.motion.leg import Leg, Profile, Style, joint_speeds
from simulator.motion.path import Stretch, draw, round_corner
from simulator.motion.routes import by_ring, by_streets, crossing_near
from simulator.motion.streets import BLOCKS, Node, Town, build_town
from simulator.motion.vehicle import KINDS, Vehicle
from simulator.seeds import stream

PLACE = Plane(46.0569, 14.5058)


@pytest.fixture(scope="module")
def town() -> Town:
    return build_town(3)


# -- the plane


@pytest.mark.parametrize("lat", [-79.0, -33.0, 0.0, 46.0569, 79.0])
def test_a_metre_on_the_plane_is_a_metre_on_the_ellipsoid(lat: float) -> None:
    plane = Plane(lat, 14.5)
    here, east, north = (
        plane.degrees(3000, 2000),
        plane.degrees(3500, 2000),
        plane.degrees(3000, 2500),
    )
    assert distance_and_course(*here, *east)[0] == pytest.approx(500, abs=0.1)
    assert distance_and_course(*here, *north)[0] == pytest.approx(500, rel=5e-3)
    assert distance_and_course(*PLACE.degrees(0, 0), *PLACE.degrees(300, 400))[0] == pytest.approx(
        500, abs=0.05
    )


# -- streets and routes


def test_a_town_follows_from_its_seed(town: Town) -> None:
    assert build_town(3) == town
    assert build_town(4).places != town.places


def neighbours(one: Node, other: Node, town: Town) -> bool:
    """Whether a street joins two nodes."""
    if one.column >= 0 and other.column >= 0:
        return abs(one.column - other.column) + abs(one.row - other.row) == 1
    if one.column < 0 and other.column < 0:
        return abs(one.row - other.row) in {1, 63}
    gates = town.gates.items()
    return (one, other) in gates or (other, one) in gates


def test_routes_go_from_crossing_to_crossing(town: Town) -> None:
    rng = stream(1, "routes")
    for _ in range(50):
        start = Node(rng.randrange(BLOCKS), rng.randrange(BLOCKS))
        end = crossing_near(start, 12, rng)
        way = by_streets(start, end, rng)
        assert (way[0], way[-1]) == (start, end)
        assert len(way) == abs(start.column - end.column) + abs(start.row - end.row) + 1
        ring = by_ring(town, start, rng)
        for line in (way, ring):
            for one, other in pairwise(line):
                assert neighbours(one, other, town)


def test_the_ring_is_faster_than_the_town(town: Town) -> None:
    assert town.limit_kmh(Node(-1, 0), Node(-1, 1)) == 90.0
    assert max(*town.column_kmh, *town.row_kmh) == 60.0


# -- speed


def test_a_profile_reaches_its_limit_and_stands_where_told() -> None:
    style = Style(2.0, 2.0)
    stretches = [Stretch(200.0, 10.0), Stretch(200.0, 10.0, 0.0)]
    profile = Profile(stretches, {0: 7.0}, style)
    # 5 s up, 15 s level, 5 s down on each stretch, and the rest between them.
    assert profile.duration_s == pytest.approx(2 * 25.0 + 7.0)
    assert profile.at(12.0) == pytest.approx((25.0 + 70.0, 10.0))
    assert profile.at(25.0 + 3.0) == pytest.approx((200.0, 0.0))
    assert profile.at(1e9) == pytest.approx((400.0, 0.0))
    assert profile.length_m == pytest.approx(400.0)


def test_joints_are_slow_enough_to_brake_for_what_follows() -> None:
    stretches = [Stretch(500.0, 25.0, 20.0), Stretch(10.0, 25.0, 4.0), Stretch(100.0, 25.0)]
    speeds = joint_speeds(stretches, {}, Style(1.5, 2.0))
    assert speeds[0] == speeds[3] == 0.0
    assert speeds[2] == pytest.approx(4.0)
    assert speeds[1] == pytest.approx(math.sqrt(4.0**2 + 2 * 2.0 * 10.0))


def test_corners_are_taken_slower_the_sharper_they_are() -> None:
    speeds = [
        round_corner(
            (0, -100),
            (0, 0),
            (100 * math.sin(math.radians(turn)), 100 * math.cos(math.radians(turn))),
        ).speed_ms
        for turn in (2, 20, 60, 90, 130, 179)
    ]
    assert speeds[0] == math.inf
    assert speeds[-1] == 0.0
    assert speeds == sorted(speeds, reverse=True)


def test_a_drawn_path_keeps_its_ends_and_its_limits() -> None:
    path = draw([(0, 0), (0, 100), (100, 100), (100, 0)], [50, 30, 50])
    assert (path.xs[0], path.ys[0], path.xs[-1], path.ys[-1]) == (0, 0, 100, 0)
    assert max(stretch.limit_ms for stretch in path.stretches) == pytest.approx(50 / 3.6)
    points = zip(path.xs, path.ys, strict=True)
    along = sum(math.dist(one, other) for one, other in pairwise(points))
    assert sum(stretch.length_m for stretch in path.stretches) == pytest.approx(along)
    assert along < 300.0


def test_a_leg_begins_and_ends_at_rest() -> None:
    leg = Leg(draw([(0, 0), (0, 300), (300, 300)], [50, 50]), {}, Style(), PLACE)
    start, end = leg.at(-5.0), leg.at(leg.duration_s + 5.0)
    assert (start.speed_ms, end.speed_ms) == (0.0, 0.0)
    assert (start.lat, start.lon) == pytest.approx(PLACE.degrees(0, 0))
    assert (end.lat, end.lon) == pytest.approx(PLACE.degrees(300, 300))
    assert end.course_deg == pytest.approx(90.0)


# -- vehicles


def vehicle(town: Town, number: int, seed: int = 3) -> Vehicle:
    return Vehicle(town, PLACE, seed, number)


def test_the_same_seed_gives_the_same_fixes_whatever_is_asked_between(town: Town) -> None:
    for number in range(12):
        one, other = vehicle(town, number), vehicle(town, number)
        every_second = [one.fix(float(second), float(second)) for second in range(400)]
        some = [other.fix(float(second), float(second)) for second in range(0, 400, 7)]
        assert every_second[::7] == some


def test_seeds_and_numbers_matter(town: Town) -> None:
    fixes = {vehicle(town, n, s).fix(9.0, 9.0) for n in range(5) for s in range(5)}
    assert len(fixes) == 25


def test_every_kind_moves_as_cars_do(town: Town) -> None:
    seen: dict[str, int] = {}
    number = 0
    while set(seen) != {kind.name for kind in KINDS}:
        number += 1
        one = vehicle(town, number)
        if one.kind.name in seen:
            continue
        seen[one.kind.name] = sum(check_hour(one))
    assert seen["van"] >= 1200
    assert seen["bus"] >= 1200
    assert all(60 <= moving <= 3500 for moving in seen.values())


def check_hour(one: Vehicle) -> list[bool]:
    """Bounds over an hour at 1 Hz; which seconds it moved in."""
    moved: list[bool] = []
    before = one.fix(0.0, 0.0)
    for second in range(1, 3600):
        fix = one.fix(float(second), float(second))
        way_m, _ = distance_and_course(before.lat, before.lon, fix.lat, fix.lon)
        mean_ms = (before.speed_kmh + fix.speed_kmh) / 2 / 3.6
        assert fix.speed_kmh <= 90 * 1.04 + 1e-6
        assert abs(fix.speed_kmh - before.speed_kmh) / 3.6 <= 2.51
        assert abs(way_m - mean_ms) <= 4.5  # bends, and the receiver's wander after a rest
        assert -1e-6 <= fix.odometer_m - before.odometer_m <= 27.0
        if not fix.ignition:
            assert fix.speed_kmh == 0.0
        moved.append(fix.speed_kmh > 0.5)
        before = fix
    return moved


def test_parked_vehicles_hold_their_position_and_switch_off(town: Town) -> None:
    parked = 0
    for number in range(60):
        one = vehicle(town, number)
        if one.parked(0.0) and one.parked(20.0):
            parked += 1
            first, later = one.fix(20.0, 0.0), one.fix(21.0, 0.0)
            if one.parked(21.0):
                assert (first.lat, first.lon) == (later.lat, later.lon)
            assert not first.ignition
    assert parked > 5


def test_a_fleet_is_partly_under_way_from_the_start(town: Town) -> None:
    moving = sum(vehicle(town, number).fix(0.0, 0.0).speed_kmh > 1.0 for number in range(200))
    assert 60 < moving < 150
