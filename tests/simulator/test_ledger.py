"""Driven against seen: every fate of a position, by hand."""

from __future__ import annotations

import dataclasses

import pytest

from simulator.ledger import KEPT_PER_VEHICLE, Fates, Ledger, same
from simulator.model import Fix, Stated
from simulator.protocols import FAMILIES

START = 1_775_390_400.0
FAMILY = FAMILIES["frame55"]
IDENT = FAMILY.ident(1)


def fix(second: float, lat: float = 45.0) -> Fix:
    return Fix(START + second, lat + second / 1e4, 14.0, 36.0, 90.0)


def stated(second: float, **changes: int) -> Stated:
    return dataclasses.replace(FAMILY.stated(fix(second)), **changes)


@pytest.fixture
def ledger() -> Ledger:
    one = Ledger([(1, IDENT, FAMILY)], 2, keep=[1])
    one.begin(START, 1.0)
    return one


def drive(ledger: Ledger, *seconds: int, prompt: bool = True) -> None:
    for second in seconds:
        ledger.sent(1, fix(second), START + second + 0.25, prompt=prompt)


def counts(fates: Fates) -> dict[str, int]:
    return {
        name: value
        for name, value in dataclasses.asdict(fates).items()
        if name != "examples" and value
    }


def test_a_position_that_every_viewer_saw_is_exact_once_for_each(ledger: Ledger) -> None:
    drive(ledger, 0)
    for viewer in (0, 1):
        ledger.seen(viewer, IDENT, stated(0), START + 1.0)
        ledger.seen(viewer, IDENT, stated(0), START + 2.0)  # again, after a reconnect
    assert counts(ledger.finish(START + 60)) == {"exact": 2}
    assert ledger.lag_ms.summary() == {"count": 2, "p50": 750, "p90": 750, "p99": 750, "max": 750}


def test_a_newer_one_in_time_makes_it_merged(ledger: Ledger) -> None:
    drive(ledger, 0, 1, 2)
    ledger.seen(0, IDENT, stated(2), START + 3.0)
    ledger.seen(1, IDENT, stated(1), START + 2.0)
    ledger.seen(1, IDENT, stated(2), START + 3.0)
    assert counts(ledger.finish(START + 60)) == {"exact": 3, "merged": 3}


def test_a_newer_one_too_late_makes_it_lost(ledger: Ledger) -> None:
    drive(ledger, 0, 4)
    for viewer in (0, 1):
        ledger.seen(viewer, IDENT, stated(4), START + 5.0)
    assert counts(ledger.finish(START + 60)) == {"exact": 2, "lost": 2}


def test_what_nobody_saw_is_lost_for_each_viewer(ledger: Ledger) -> None:
    drive(ledger, 0)
    ledger.seen(0, IDENT, stated(0), START + 1.0)
    fates = ledger.finish(START + 60)
    assert counts(fates) == {"exact": 1, "lost": 1}
    assert "not seen" in fates.examples[0]


def test_seen_after_too_long_is_late(ledger: Ledger) -> None:
    drive(ledger, 0)
    ledger.seen(0, IDENT, stated(0), START + 0.25 + 2.0)
    ledger.seen(1, IDENT, stated(0), START + 0.25 + 2.001)
    assert counts(ledger.finish(START + 60)) == {"exact": 2, "late": 1}


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"lat_e6": 1}, True),
        ({"lat_e6": 2}, False),
        ({"lon_e6": -2}, False),
        ({"speed_dkmh": 2}, False),
        ({"course_ddeg": -2}, False),
        ({"fix_ms": 1}, False),
    ],
)
def test_one_unit_is_rounding_and_two_are_wrong(
    ledger: Ledger, changes: dict[str, int], right: bool
) -> None:
    drive(ledger, 0)
    true = stated(0)
    seen = dataclasses.replace(
        true, **{name: getattr(true, name) + step for name, step in changes.items()}
    )
    ledger.seen(0, IDENT, seen, START + 1.0)
    ledger.seen(1, IDENT, true, START + 1.0)
    fates = ledger.finish(START + 2.0)
    assert (fates.exact, fates.wrong) == ((2, 0) if right else (1, 1))


def test_courses_are_compared_around_north() -> None:
    assert same(stated(0, course_ddeg=3599), stated(0, course_ddeg=0))
    assert not same(stated(0, course_ddeg=3598), stated(0, course_ddeg=0))


def test_a_vehicle_must_not_go_back_in_time(ledger: Ledger) -> None:
    drive(ledger, 0, 1)
    ledger.seen(0, IDENT, stated(1), START + 2.0)
    ledger.seen(0, IDENT, stated(0), START + 3.0)
    ledger.seen(1, IDENT, stated(1), START + 2.0)
    fates = ledger.finish(START + 60)
    assert fates.backwards == 1
    assert "back from" in fates.examples[0]


def test_what_a_fault_held_back_is_excused_seen_or_not(ledger: Ledger) -> None:
    drive(ledger, 0, 1, prompt=False)
    drive(ledger, 2)
    ledger.seen(0, IDENT, stated(1), START + 50.0)
    ledger.seen(0, IDENT, stated(2), START + 51.0)
    ledger.seen(1, IDENT, stated(2), START + 3.0)
    assert counts(ledger.finish(START + 60)) == {"exact": 2, "late": 1, "excused": 4}


def test_two_fixes_of_one_second_are_told_apart() -> None:
    ledger = Ledger([(1, IDENT, FAMILY)], 1)
    ledger.begin(START, 1.0)
    ledger.sent(1, fix(0), START, prompt=True)
    ledger.sent(1, fix(0.5), START + 0.5, prompt=True)
    half = dataclasses.replace(FAMILY.stated(fix(0.5)))
    assert half.fix_ms == stated(0).fix_ms
    assert half.lat_e6 != stated(0).lat_e6
    ledger.seen(0, IDENT, half, START + 1.0)
    assert counts(ledger.finish(START + 60)) == {"exact": 1, "merged": 1}


def test_a_fix_that_says_the_same_again_needs_not_be_seen_again() -> None:
    ledger = Ledger([(1, IDENT, FAMILY)], 1)
    ledger.begin(START, 1.0)
    ledger.sent(1, fix(0), START, prompt=True)
    ledger.sent(1, fix(0), START + 0.25, prompt=True)  # before the tick
    ledger.seen(0, IDENT, stated(0), START + 0.4)
    ledger.sent(1, fix(0), START + 0.5, prompt=True)  # and after it
    assert counts(ledger.finish(START + 60)) == {"exact": 1, "merged": 2}


def test_between_two_that_say_the_same_another_one_is_passed_over() -> None:
    ledger = Ledger([(1, IDENT, FAMILY)], 1)
    ledger.begin(START, 1.0)
    ledger.sent(1, fix(0), START, prompt=True)
    ledger.seen(0, IDENT, stated(0), START + 0.1)
    ledger.sent(1, fix(0.5), START + 0.5, prompt=True)
    ledger.sent(1, fix(0), START + 0.6, prompt=True)
    ledger.seen(0, IDENT, stated(0.5), START + 1.0)
    assert counts(ledger.finish(START + 60)) == {"exact": 1, "merged": 2}


def test_other_vehicles_and_older_fixes_are_none_of_our_business(ledger: Ledger) -> None:
    drive(ledger, 0)
    ledger.seen(0, "someone else", stated(0), START + 1.0)
    ledger.seen(0, IDENT, stated(-1), START + 1.0)
    assert counts(ledger.fates) == {}


def test_nothing_is_lost_before_it_would_be_late() -> None:
    ledger = Ledger([(1, IDENT, FAMILY)], 1, late_after_s=2.0)
    ledger.begin(START, 0.2)
    drive(ledger, 0, 1, 2)
    ledger.seen(0, IDENT, stated(2), START + 2.5)
    assert counts(ledger.finish(START + 60)) == {"exact": 1, "merged": 1, "lost": 1}


def test_before_the_run_begins_nothing_counts() -> None:
    ledger = Ledger([(1, IDENT, FAMILY)], 1)
    ledger.seen(0, IDENT, stated(0), START)
    assert counts(ledger.finish(START + 9)) == {}


def test_leading_zeros_of_an_identity_do_not_matter() -> None:
    family = FAMILIES["jt808"]
    ledger = Ledger([(1, family.ident(1), family)], 1)
    ledger.begin(START, 1.0)
    ledger.sent(1, fix(0), START, prompt=True)
    ledger.seen(0, family.ident(1).lstrip("0"), family.stated(fix(0)), START + 1.0)
    assert counts(ledger.finish(START + 9)) == {"exact": 1}


def test_memory_is_bounded_and_what_falls_out_is_decided(ledger: Ledger) -> None:
    drive(ledger, *range(KEPT_PER_VEHICLE + 50))
    track = ledger.tracks[1]
    assert len(track.recent) == KEPT_PER_VEHICLE
    assert sum(len(alike) for alike in track.by_time.values()) == KEPT_PER_VEHICLE
    assert ledger.fates.lost == 2 * 50
    assert track.kept is not None
    assert len(track.kept) == KEPT_PER_VEHICLE + 50
    ledger.finish(START + 1000)
    assert ledger.fates.lost == 2 * (KEPT_PER_VEHICLE + 50)


def test_the_newest_is_the_newest_fix_and_not_the_last_sent(ledger: Ledger) -> None:
    drive(ledger, 5, 3)
    newest = ledger.tracks[1].newest
    assert newest is not None
    assert newest.stated == stated(5)


def test_acknowledgements_are_noted(ledger: Ledger) -> None:
    drive(ledger, 0, 1)
    ledger.acknowledged(1, fix(1))
    assert [sent.acknowledged for sent in ledger.tracks[1].recent] == [False, True]
