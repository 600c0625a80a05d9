"""Trips, stops and gaps: what is found, and that nothing is lost or counted twice."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.history.drives import START, Drive, pages, positions
from tracker.history.pieces import Kind, Piece, Rules
from tracker.history.timeline import Timeline
from tracker.model import Fix

RULES = Rules()


def timeline(
    fixes: list[Fix],
    rules: Rules = RULES,
    *,
    start: float | None = None,
    end: float | None = None,
    page: int = 100,
) -> tuple[Timeline, list[Piece]]:
    found = Timeline(
        rules,
        fixes[0].fix_time if start is None else start,
        fixes[-1].fix_time if end is None else end,
    )
    pieces = [piece for part in pages(positions(fixes), page) for piece in found.add(part)]
    return found, pieces + found.end()


def kinds(pieces: list[Piece]) -> list[str]:
    return [piece.kind.value for piece in pieces]


def metres(found: Timeline, pieces: list[Piece]) -> float:
    return sum(piece.tally.total(*found.inside).distance_m for piece in pieces)


def test_a_day_is_trips_and_stops():
    drive = Drive().stand(600).go(50, 600).stand(900).go(80, 300).stand(300)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["stop", "trip", "stop", "trip", "stop"]
    first, second = pieces[1], pieces[3]
    assert first.duration_s == pytest.approx(610, abs=10)
    assert metres(found, [first]) == pytest.approx(50 / 3.6 * 600, rel=1e-3)
    assert metres(found, [second]) == pytest.approx(80 / 3.6 * 300, rel=1e-3)
    assert first.tally.total(*found.inside).max_speed_kmh == 50
    assert second.tally.total(*found.inside).max_speed_kmh == 80
    assert metres(found, pieces) == pytest.approx(drive.driven_m, rel=1e-3)


def test_distance_is_geodesic_far_north_and_over_the_antimeridian():
    for lat, lon in ((69.6, 18.9), (0.0, 179.95), (-45.0, -179.99)):
        drive = Drive(lat, lon).stand(200).go(90, 600).stand(200)
        found, pieces = timeline(drive.fixes)
        assert kinds(pieces) == ["stop", "trip", "stop"]
        assert metres(found, pieces) == pytest.approx(drive.driven_m, rel=1e-6)


def test_a_wait_at_a_light_does_not_end_a_trip_and_adds_no_metres():
    drive = Drive(every=1).stand(200).go(50, 120).stand(90, drift_m=8).go(50, 120).stand(200)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["stop", "trip", "stop"]
    assert metres(found, pieces) == pytest.approx(drive.driven_m, abs=20)


def test_a_stop_needs_its_time():
    short = Drive().go(50, 300).stand(170).go(50, 300)
    long = Drive().go(50, 300).stand(200).go(50, 300)
    assert kinds(timeline(short.fixes)[1]) == ["trip"]
    assert kinds(timeline(long.fixes)[1]) == ["trip", "stop", "trip"]
    eager = Rules(stop_s=60)
    assert kinds(timeline(short.fixes, eager)[1]) == ["trip", "stop", "trip"]


def test_an_ignition_that_goes_off_is_a_stop_at_once():
    drive = Drive().go(50, 300, ignition=True).stand(60, ignition=False)
    drive.go(50, 300, ignition=True)
    _, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["trip", "stop", "trip"]
    assert kinds(timeline(drive.fixes, Rules(use_ignition=False))[1]) == ["trip"]


@pytest.mark.parametrize("every", [1, 5, 30, 120])
@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("ignition", [None, False, True])
def test_drift_while_parked_is_no_trip_and_adds_nothing(every, stated, ignition):
    drive = Drive(every=every).stand(every).go(50, 600, ignition=ignition and True)
    fixes = drive.fixes
    driven = drive.driven_m
    drive.stand(6 * 3600, drift_m=25, stated=stated, ignition=ignition)
    found, pieces = timeline(fixes)
    assert kinds(pieces) == ["trip", "stop"]
    assert metres(found, pieces) == pytest.approx(driven, abs=60)
    where = pieces[1].start
    assert where is not None
    assert where[0] == pytest.approx(drive.lat, abs=1e-4)
    assert where[1] == pytest.approx(drive.lon, abs=1e-4)


@pytest.mark.parametrize("ignition", [None, False])
@pytest.mark.parametrize("metres_off", [80.0, 400.0, 3_000.0, 50_000.0])
def test_a_wrong_fix_while_parked_is_no_trip(ignition, metres_off):
    drive = Drive(every=30).stand(1_800, ignition=ignition)
    drive.jump(metres_off, speed_kmh=0.0, ignition=ignition)
    drive.stand(1_800, ignition=ignition)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["stop"]
    assert metres(found, pieces) == 0.0


def test_spurious_speeds_while_parked_are_no_trip():
    rng = random.Random(4)
    fixes = [
        replace(fix, speed_kmh=abs(rng.gauss(0, 5)))
        for fix in Drive(every=1).stand(3_600, drift_m=15).fixes
    ]
    found, pieces = timeline(fixes)
    assert kinds(pieces) == ["stop"]
    assert metres(found, pieces) == 0.0


def test_an_ignition_wire_that_is_not_connected_does_not_hide_trips():
    drive = Drive().stand(600, ignition=False).go(60, 600, ignition=False)
    drive.stand(600, ignition=False).go(60, 600, ignition=False).stand(600, ignition=False)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["stop", "trip", "stop", "trip", "stop"]
    assert metres(found, pieces) == pytest.approx(drive.driven_m, rel=1e-3)


def test_a_gap_splits_and_is_not_bridged():
    drive = Drive().go(50, 600)
    before = drive.driven_m
    drive.go(50, 400).fixes[:] = drive.fixes[:60]  # driven, but not reported
    after = drive.driven_m
    drive.go(50, 600)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["trip", "gap", "trip"]
    assert pieces[1].duration_s == pytest.approx(410)
    assert metres(found, pieces) == pytest.approx(drive.driven_m - (after - before), rel=0.02)
    assert kinds(timeline(drive.fixes, Rules(gap_s=600))[1]) == ["trip"]


def test_silence_of_a_parked_vehicle_is_a_stop_that_says_how_long_it_was_silent():
    drive = Drive().go(50, 600).stand(60, ignition=False).silent(8 * 3600).stand(60).go(50, 600)
    found, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["trip", "stop", "trip"]
    assert pieces[1].tally.total(*found.inside).silent_s == pytest.approx(8 * 3600, abs=20)


def test_a_device_that_wakes_when_it_is_driven_off_has_stood_until_then():
    drive = Drive().go(50, 600).stand(600, ignition=False).silent(8 * 3600)
    drive.go(50, 600, ignition=True)  # heard of again after 139 m
    _, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["trip", "stop", "trip"]
    assert pieces[1].start == pytest.approx(pieces[0].end, abs=1e-6)
    assert pieces[2].start_time == pytest.approx(drive.time - 590)


def test_silence_that_ends_elsewhere_is_a_gap():
    drive = Drive().go(50, 600).stand(600)
    drive.lat += 0.1
    drive.silent(3_600).stand(600)
    _, pieces = timeline(drive.fixes)
    assert kinds(pieces) == ["trip", "stop", "gap", "stop"]
    gap = pieces[2]
    assert gap.start is not None
    assert gap.end is not None
    assert gap.end[0] - gap.start[0] == pytest.approx(0.1)


def test_what_is_too_short_is_no_trip():
    there = Drive().stand(600).go(20, 50).stand(600)  # 278 m
    found, pieces = timeline(there.fixes)
    assert kinds(pieces) == ["stop"]
    assert metres(found, pieces) == 0.0
    around = Rules(min_trip_m=100, min_trip_s=20)
    assert kinds(timeline(there.fixes, around)[1]) == ["stop", "trip", "stop"]


def test_idle_is_standing_with_the_ignition_on():
    drive = Drive().go(50, 600, ignition=True).stand(600, ignition=True)
    drive.stand(600, ignition=False).go(50, 300, ignition=True)
    drive.stand(100, ignition=True).go(50, 300, ignition=True)
    found, pieces = timeline(drive.fixes)
    idle = [piece.tally.total(*found.inside).idle_s for piece in pieces]
    assert kinds(pieces) == ["trip", "stop", "trip"]
    assert idle[1] == pytest.approx(600, abs=15)
    assert idle[2] == pytest.approx(100, abs=25)


def test_the_odometer_counts_where_it_is_stated():
    drive = Drive().stand(200).go(72, 600).stand(200)
    fixes = [
        replace(fix, attributes={"odometer_m": 1_000_000 + 20 * max(0, min(n, 80) - 20) * 10})
        for n, fix in enumerate(drive.fixes)
    ]
    found, pieces = timeline(fixes)
    assert pieces[1].tally.total(*found.inside).odometer_m == pytest.approx(12_000, abs=200)
    backwards = [
        replace(fix, attributes={"odometer_m": 1_000_000 - n}) for n, fix in enumerate(drive.fixes)
    ]
    found, pieces = timeline(backwards)
    assert pieces[1].tally.total(*found.inside).odometer_m is None


def test_invalid_fixes_are_no_places_but_an_ignition_that_is_off_holds():
    drive = Drive().go(50, 600)
    tunnel = [Fix(drive.time + n, drive.lat, drive.lon, 0.0, valid=False) for n in range(10, 200)]
    drive.go(50, 200)
    drive.fixes = drive.fixes[:60] + tunnel + drive.go(50, 600).fixes[80:]
    assert kinds(timeline(drive.fixes)[1]) == ["trip"]
    garage = Drive().go(50, 600)
    for _ in range(100):
        garage.time += 60
        garage.fixes.append(Fix(garage.time, 0.0, 0.0, valid=False, ignition=False))
    _, pieces = timeline(garage.fixes)
    assert kinds(pieces) == ["trip", "stop"]
    assert pieces[1].start == pytest.approx((garage.lat, garage.lon))


def test_a_window_cuts_what_reaches_over_its_ends():
    drive = Drive().go(72, 3_600)
    start, end = START + 600, START + 1_200.5
    found, pieces = timeline(drive.fixes, start=start, end=end)
    [trip] = pieces
    assert (trip.start_time, trip.end_time, trip.cut) == (start, end, (True, True))
    assert metres(found, pieces) == pytest.approx(20 * 600.5, rel=1e-6)
    assert trip.start is not None
    inner = [fix for fix in drive.fixes if start <= fix.fix_time <= end]
    assert trip.start == pytest.approx((inner[0].lat, inner[0].lon), abs=1e-9)


def test_a_window_without_positions_is_one_gap():
    found = Timeline(RULES, START, START + 3_600)
    [gap] = found.end()
    assert (gap.kind, gap.start_time, gap.end_time) == (Kind.GAP, START, START + 3_600)
    drive = Drive().stand(600)
    found, pieces = timeline(drive.fixes, start=START - 100, end=START + 1_000)
    assert kinds(pieces) == ["gap", "stop", "gap"]


def test_two_fixes_of_one_moment_count_once():
    drive = Drive().stand(200).go(50, 600).stand(200)
    doubled = [fix for fix in drive.fixes for _ in range(2)]
    found, pieces = timeline(doubled)
    assert kinds(pieces) == ["stop", "trip", "stop"]
    assert metres(found, pieces) == pytest.approx(drive.driven_m, rel=1e-3)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["go", "stand", "drift", "silent", "jump", "move"]),
        st.floats(20, 2_000),
        st.floats(1, 150),
        st.sampled_from([None, True, False]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def driven(steps: list[tuple[str, float, float, bool | None, bool]], every: float) -> Drive:
    drive = Drive(every=every).stand(every)
    for number, (what, seconds, speed, ignition, stated) in enumerate(steps):
        if what == "go":
            drive.go(speed, seconds, number * 77 % 360, stated=stated, ignition=ignition)
        elif what in ("stand", "drift"):
            drift = 20.0 if what == "drift" else 0.0
            drive.stand(seconds, drift_m=drift, seed=number, stated=stated, ignition=ignition)
        elif what == "silent":
            drive.silent(max(seconds, drive.every))
        elif what == "move":  # carried away in silence
            drive.lat += 0.01
        else:
            drive.jump(speed * 100, number, ignition=ignition)
    return drive


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, every=st.sampled_from([1.0, 10.0, 60.0, 400.0]), page=st.integers(1, 500))
def test_pieces_cover_the_window_whatever_was_driven(steps, every, page):
    fixes = driven(steps, every).fixes
    first, last = fixes[0].fix_time - 50.0, fixes[-1].fix_time + 50.0
    found, pieces = timeline(fixes, start=first, end=last, page=page)
    assert pieces[0].start_time == first
    assert pieces[-1].end_time == last
    for piece, after in pairwise(pieces):
        assert piece.end_time == after.start_time
        assert piece.kind is not after.kind or piece.kind is Kind.GAP
    assert all(piece.duration_s > 0 for piece in pieces)
    for piece in pieces:
        count = piece.tally.total(*found.inside)
        assert -1e-6 <= count.idle_s <= piece.duration_s + 1e-6
        assert -1e-6 <= count.silent_s <= piece.duration_s + 1e-6
        assert count.distance_m >= 0.0
        if piece.kind is not Kind.TRIP:
            assert count.distance_m == 0.0


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, every=st.sampled_from([1.0, 10.0, 60.0]), size=st.integers(1, 50))
def test_the_size_of_pages_does_not_matter(steps, every, size):
    fixes = driven(steps, every).fixes

    def shown(page: int) -> list[tuple[object, ...]]:
        found, pieces = timeline(fixes, page=page)
        return [
            (p.kind, p.start_time, p.end_time, p.start, p.tally.total(*found.inside))
            for p in pieces
        ]

    def plain(items: list[tuple[object, ...]]) -> list[str]:
        return [repr(item) for item in items]

    assert plain(shown(size)) == plain(shown(10_000))


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, share=st.floats(0.05, 0.95))
def test_the_distances_of_two_halves_make_the_whole(steps, share):
    fixes = driven(steps, 10.0).fixes
    first, last = fixes[0].fix_time, fixes[-1].fix_time
    middle = first + share * (last - first)
    found = Timeline(RULES, first, last, [middle])
    pieces = [piece for page in pages(positions(fixes)) for piece in found.add(page)] + found.end()
    halves = [sum(piece.tally.total(span, span).distance_m for piece in pieces) for span in (1, 2)]
    assert sum(halves) == pytest.approx(metres(found, pieces))
    whole, all_pieces = timeline(fixes)
    assert metres(whole, all_pieces) == pytest.approx(sum(halves))
