"""The arithmetic of the report: percentiles, frames per tick, and the verdict."""

from __future__ import annotations

import dataclasses
import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.driven import Driven
from simulator.faults import NO_FAULTS, FaultRates
from simulator.histogram import Histogram
from simulator.ledger import Fates
from simulator.outcome import OWN_LATENESS_MS, Conditions, Outcome
from simulator.rest import Stored
from simulator.viewing import ViewerStats, summarise

# -- percentiles


def test_percentiles_by_nearest_rank() -> None:
    histogram = Histogram()
    for milliseconds in range(1, 101):
        histogram.add(milliseconds / 1000)
    assert histogram.summary() == {"count": 100, "p50": 50, "p90": 90, "p99": 99, "max": 100}


def test_an_empty_histogram_is_zeros() -> None:
    assert Histogram().summary() == {"count": 0, "p50": 0, "p90": 0, "p99": 0, "max": 0}


@given(st.lists(st.integers(-50, 5000), min_size=1), st.floats(0.1, 100))
def test_percentiles_are_those_of_the_sorted_list(values: list[int], percent: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value / 1000)
    (found,) = histogram.percentiles([percent])
    below = sum(value <= found for value in values)
    strictly_below = sum(value < found for value in values)
    assert found in values
    assert below >= len(values) * percent / 100 - 1e-6
    assert strictly_below < len(values) * percent / 100 + 1e-6


def test_histograms_add_up() -> None:
    one, other = Histogram(Counter({5: 2})), Histogram(Counter({5: 1, 9: 1}))
    one.merge(other)
    assert len(one) == 4
    assert one.percentiles([50, 100]) == [5, 9]


# -- one viewer


def ticked(*ticks: int, number: int = 0, stalls: bool = False, **counts: int) -> ViewerStats:
    stats = ViewerStats(number, stalls, **counts)  # type: ignore[arg-type]
    for tick in ticks:
        stats.tick(tick, 0, 0.004)
    return stats


@pytest.mark.parametrize(
    ("ticks", "span", "missing", "repeated"),
    [
        ((), 0, 0, 0),
        ((7,), 1, 0, 0),
        ((7, 8, 9), 3, 0, 0),
        ((7, 9, 12), 6, 3, 0),
        ((7, 8, 8, 9), 3, 0, 1),
        ((7, 9, 8), 3, 1, 1),
    ],
)
def test_ticks_are_counted_by_number(
    ticks: tuple[int, ...], span: int, missing: int, repeated: int
) -> None:
    stats = ticked(*ticks)
    assert (stats.ticks, stats.missing, stats.repeated) == (span, missing, repeated)
    assert stats.frames == len(ticks)


def test_counts_go_to_other_processes() -> None:
    stats = ticked(1, 2, 4)
    assert pickle.loads(pickle.dumps(stats)).missing == 1  # noqa: S301
    assert pickle.loads(pickle.dumps(stats)).lag_ms.summary() == stats.lag_ms.summary()  # noqa: S301


# -- all viewers


def test_a_perfect_audience() -> None:
    viewers = [ticked(1, 2, 3, number=number, bytes=300) for number in range(4)]
    viewers[0].updates = 60
    seen = summarise(viewers)
    assert seen.frames_per_viewer_per_tick == 1.0
    assert (seen.frames, seen.ticks, seen.viewers) == (12, 12, 4)
    assert seen.by_missing == {0: 4}
    assert seen.bytes_per_viewer_per_tick == 100.0
    assert seen.bytes_per_update == 5.0
    assert seen.lag_ms["p99"] == 4


def test_imperfect_viewers_are_told_apart() -> None:
    seen = summarise(
        [
            ticked(1, 2, 3, 4, 5, 6),
            ticked(1, 2, 4, 5, 6),
            ticked(1, 2, 2, 3, 4, 5, 6),
            ticked(1, 2),
            ticked(),
        ]
    )
    assert seen.by_missing == {0: 4, 1: 1}
    assert seen.by_repeated == {0: 4, 1: 1}
    assert (seen.silent, seen.ended_early) == (1, 1)
    assert seen.frames_per_viewer_per_tick == 20 / 20


def test_told_to_stall_is_not_judged_but_counted() -> None:
    stalled = ticked(1, 9, stalls=True)
    stalled.conflated = 7
    stalled.closes["4008"] += 1
    seen = summarise([ticked(1, 2, 3), stalled])
    assert (seen.viewers, seen.frames, seen.by_missing) == (1, 3, {0: 1})
    assert (seen.stalled_viewers, seen.stalled_conflated) == (1, 7)
    assert (seen.closes, seen.stalled_closes) == ({}, {"4008": 1})


def test_no_viewer_at_all_is_no_division_by_zero() -> None:
    seen = summarise([])
    assert seen.frames_per_viewer_per_tick == 0.0
    assert seen.bytes_per_update is None


# -- the verdict


def outcome(faults: FaultRates = NO_FAULTS, **changes: object) -> Outcome:
    perfect = Outcome(
        conditions=Conditions(10, 4, 4, 1.0, 3.0, 0, {"gt06": 10}, faults, 2.0),
        driven=Driven(positions=30, acknowledged_positions=30),
        unacknowledged=0,
        not_accepted=0,
        seen=summarise([ticked(1, 2, 3)]),
        fates=Fates(exact=120),
        lag_ms=Histogram().summary(),
        stored=Stored(vehicles=10, right=10),
    )
    return dataclasses.replace(perfect, **changes)  # type: ignore[arg-type]


def test_perfect_is_perfect() -> None:
    assert outcome().failures() == []
    assert outcome().to_json()["perfect"] is True


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"unacknowledged": 2}, "2 positions were never acknowledged"),
        ({"not_accepted": 1}, "1 devices were not accepted"),
        ({"driven": Driven(disconnects=3)}, "3 device connections were lost"),
        ({"driven": Driven(forgotten_positions=3)}, "3 positions were forgotten by full devices"),
        ({"driven": Driven(answers=Counter(refused=1))}, "1 logins were refused"),
        ({"driven": Driven(answers=Counter(rejected=1))}, "1 positions were rejected"),
        ({"driven": Driven(answers=Counter(damaged=1))}, "1 answers were no frames"),
        ({"fates": Fates(exact=1, lost=1)}, "1 positions were lost"),
        ({"fates": Fates(exact=1, late=1)}, "1 positions were late"),
        ({"fates": Fates(exact=1, wrong=1)}, "1 wrong positions were seen"),
        ({"fates": Fates(exact=1, backwards=1)}, "1 times a vehicle was moved back in time"),
        ({"fates": Fates()}, "no position was seen at all"),
        ({"seen": summarise([ticked(1, 3)])}, "1 viewers missed ticks"),
        ({"seen": summarise([ticked(1, 1)])}, "1 viewers got a tick twice or late"),
        ({"seen": summarise([ticked()])}, "1 viewers got nothing"),
        ({"seen": summarise([ticked(1), ticked(*range(9))])}, "1 viewers stopped getting ticks"),
        ({"seen": summarise([ticked(1, violations=1)])},
         "1 messages contradicted the feed's contract"),
        ({"seen": summarise([ticked(1, closes=Counter({"1001": 1}))])},  # type: ignore[arg-type]
         "1 viewers were disconnected"),
        ({"stored": Stored(missing=1)}, "1 vehicles are unknown to the server"),
        ({"stored": Stored(wrong=1)}, "1 last positions are wrong"),
        ({"stored": Stored(track_missing=1)}, "1 acknowledged positions are not stored"),
        ({"stored": Stored(track_repeated=1)}, "1 positions are stored more than once"),
        ({"stored": None, "stored_trouble": "no answer"},
         "the stored positions could not be read: no answer"),
    ],
)  # fmt: skip
def test_every_promise_can_be_broken(changes: dict[str, object], why: str) -> None:
    assert outcome(**changes).failures() == [why]
    assert outcome(**changes).to_json()["perfect"] is False


def test_faults_excuse_what_they_cause_and_nothing_else() -> None:
    broken = {
        "driven": Driven(disconnects=1),
        "fates": Fates(exact=1, late=1, lost=1, wrong=1, backwards=1),
        "unacknowledged": 1,
    }
    for faults in (FaultRates(cut=0.1), FaultRates(damaged=0.1), FaultRates(silent=0.1)):
        assert outcome(faults, **broken).failures() == [
            "1 positions were never acknowledged",
            "1 wrong positions were seen",
            "1 times a vehicle was moved back in time",
        ]
    assert len(outcome(FaultRates(stalled_viewers=0.5), **broken).failures()) == 6
    assert len(outcome(FaultRates(duplicated=0.5), **broken).failures()) == 5


def test_own_lateness_is_remarked_and_no_failure() -> None:
    late = Driven(lateness_ms=Histogram(Counter({OWN_LATENESS_MS: 10})))
    assert outcome(driven=late).failures() == []
    assert f"{OWN_LATENESS_MS} ms late" in outcome(driven=late).remarks()[0]
    assert outcome().remarks() == []
