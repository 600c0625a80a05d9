"""Whole runs against the test double: perfect, and with each thing that can go wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from simulator.crowd import CrowdPlan
from simulator.driver import assign
from simulator.errors import SimulatorError, TargetError
from simulator.faults import FaultRates
from simulator.outcome import Outcome
from simulator.play import Line, play, town_vehicles
from simulator.protocols import families
from simulator.reports import Pace, Playback, fleet_reports, trip_reports
from simulator.run import RunPlan, run
from simulator.trips import Reading, load
from tests.servers import free_port
from tests.waiting import PATIENCE_S

from .tracker_double import TrackerDouble, running

VEHICLES = 12
PLACE = (46.0569, 14.5058)
PROTOCOLS = families(["mix"])


def plan(double: TrackerDouble, faults: FaultRates | None = None) -> RunPlan:
    line = Line(("127.0.0.1", double.device_port), seed=3)
    if faults is not None:
        line = dataclasses.replace(line, faults=faults)
    return RunPlan(
        vehicles=town_vehicles(VEHICLES, 3, PLACE, 1),
        assigned=assign(VEHICLES, PROTOCOLS, 1),
        line=line,
        crowd=CrowdPlan(double.url, count=3, decode=2, seed=3),
        rate_hz=4.0,
        duration_s=1.5,
        tracks=5,
        late_after_s=PATIENCE_S,  # a busy machine is not the server's fault
    )


async def outcome_of(double: TrackerDouble, faults: FaultRates | None = None) -> Outcome:
    async with running(double):
        return await run(plan(double, faults))


@pytest.fixture(autouse=True)
def no_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins at the next whole second."""
    monkeypatch.setattr("simulator.run.HEAD_START_S", 0.05)
    monkeypatch.setattr("simulator.play.HEAD_START_S", 0.05)


async def test_a_run_against_a_good_server_is_perfect() -> None:
    outcome = await outcome_of(TrackerDouble(200))
    assert outcome.failures() == []
    fates = outcome.fates
    # Each of the two decoding viewers accounts for each position, once.
    assert fates.exact + fates.merged == 2 * outcome.driven.positions == 2 * VEHICLES * 6
    assert outcome.driven.acknowledged_positions == VEHICLES * 6
    assert outcome.seen.frames_per_viewer_per_tick == 1.0
    assert outcome.stored is not None
    assert (outcome.stored.right, outcome.stored.tracks) == (VEHICLES, 5)
    # Of a vehicle that stands still, the four fixes of a second state the same.
    assert 5 * 2 <= outcome.stored.track_positions <= 5 * 6
    assert 0 < outcome.lag_ms["count"] == fates.exact
    document = outcome.to_json()
    assert document["conditions"]["protocols"] == {family.name: 3 for family in PROTOCOLS}
    assert document["seen"]["bytes_per_update"] > 1.0


async def test_a_second_run_is_not_confused_by_what_the_first_left() -> None:
    async with running(TrackerDouble(200)) as double:
        assert (await run(plan(double))).failures() == []
        assert (await run(plan(double))).failures() == []


def forget(double: TrackerDouble) -> None:
    double.forget_every = 7


def spoil(double: TrackerDouble) -> None:
    double.spoil_every = 5


def skip(double: TrackerDouble) -> None:
    double.skip_tick_every = 4


def repeat(double: TrackerDouble) -> None:
    double.repeat_tick_every = 4


def close(double: TrackerDouble) -> None:
    double.close_code = 1001


@pytest.mark.parametrize(
    ("sabotage", "whys"),
    [
        (forget, ["acknowledged positions are not stored"]),
        (spoil, ["wrong positions were seen", "acknowledged positions are not stored"]),
        (skip, ["viewers missed ticks"]),
        (repeat, ["viewers got a tick twice or late", "contradicted the feed's contract"]),
        (close, ["viewers were disconnected"]),
    ],
)
async def test_a_bad_server_is_found_out(
    sabotage: Callable[[TrackerDouble], None], whys: list[str]
) -> None:
    double = TrackerDouble(200)
    sabotage(double)
    failures = (await outcome_of(double)).failures()
    for why in whys:
        assert any(why in failure for failure in failures), (why, failures)


async def test_cut_and_doubled_frames_change_nothing() -> None:
    outcome = await outcome_of(TrackerDouble(200), FaultRates(cut=0.3, duplicated=0.3))
    assert outcome.failures() == []
    assert set(outcome.driven.faults) == {"cut", "duplicated"}


async def test_a_server_without_devices_port_cannot_be_run_against(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulator.run.LOGIN_S", 0.2)
    async with running(TrackerDouble(100)) as double:
        double.device_port = free_port()
        with pytest.raises(TargetError, match="no device was accepted"):
            await run(plan(double))


# -- replay and fleet


async def test_trips_are_replayed_as_recorded() -> None:
    trips = load(["country-vans.csv"], Reading())
    assigned = assign(3, families(["gt06,frame55"]), 900_001)
    async with running(TrackerDouble()) as double:
        line = Line(("127.0.0.1", double.device_port))
        driven = await play(
            assigned, lambda start: trip_reports(trips, Playback(start, speed=1000.0)), line, ""
        )
        points = sum(len(trip.points) for trip in trips)
        assert driven.positions == driven.acknowledged_positions == points
        for trip, (_, ident, family) in zip(trips, assigned, strict=True):
            fixes = double.vehicles[ident].fixes
            resolution = 10 if family.name == "gt06" else 1
            for point in trip.points:
                assert any(
                    abs(fix.lat - point.lat * 1e6) <= 1
                    and abs(fix.lon - point.lon * 1e6) <= 1
                    and abs(fix.speed - (point.speed_kmh or 0.0) * 10) <= resolution
                    for fix in fixes
                )


async def test_a_fleet_drives_and_settles() -> None:
    driving = town_vehicles(8, 1, PLACE, 1)
    async with running(TrackerDouble()) as double:
        line = Line(("127.0.0.1", double.device_port))
        driven = await play(
            assign(8, PROTOCOLS, 1),
            lambda start: fleet_reports(driving, Pace(start, 5.0, 1.0), 1),
            line,
            "",
        )
        assert driven.acknowledged_positions == 40
        assert driven.stored == 0


async def test_positions_that_nobody_acknowledges_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulator.play.SETTLE_S", 0.3)
    double = TrackerDouble()
    double.answer_positions = False
    async with running(double):
        line = Line(("127.0.0.1", double.device_port))
        driving = town_vehicles(2, 1, PLACE, 1)
        with pytest.raises(SimulatorError, match="2 positions were never acknowledged"):
            await play(
                assign(2, families(["jt808"]), 1),
                lambda start: fleet_reports(driving, Pace(start, 1.0, 1.0), 1),
                line,
                "",
            )


async def test_nobody_there_ends_the_run_when_told_to() -> None:
    line = Line(("127.0.0.1", free_port()), give_up_after_s=0.2)
    driving = town_vehicles(1, 1, PLACE, 1)
    with pytest.raises(TargetError, match=r"no connection within 0\.2 s"):
        await play(
            assign(1, PROTOCOLS, 1), lambda start: fleet_reports(driving, Pace(start), 1), line, ""
        )
