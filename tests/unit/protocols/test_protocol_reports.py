"""Reports as messages: one alone, several in a batch, bad ones among them."""

from __future__ import annotations

import pytest

from tracker.errors import DecodeError
from tracker.protocols.base import Alarm, Heartbeat, Message, Notice, Positions
from tracker.protocols.fields import EXTRA_MOST, extra, temperatures
from tracker.protocols.reports import Report, conclude, mark_stored

ANSWER = b"taken"
NOW = 1_740_789_015.75


def placed(time: float | None = 1000.0) -> Report:
    return Report(time=time, lat=22.5, lon=114.0, valid=True)


def nowhere() -> Report:
    return Report(time=1000.0, lat=91.0, lon=0.0, valid=True)


def types(outcome: Message | list[Message | DecodeError]) -> list[type]:
    return [type(item) for item in (outcome if isinstance(outcome, list) else [outcome])]


def test_a_single_report_says_how_the_device_is_now() -> None:
    assert types(conclude([placed()], ANSWER)) == [Positions]
    said = conclude([Report(time=1000.0, satellites=0)], ANSWER)
    assert isinstance(said, Heartbeat)
    assert (said.answer, said.durable) == (ANSWER, True)
    assert said.attributes == {"report_time": 1000.0, "satellites": 0}
    assert types(conclude([Report(alarms=("sos",))], ANSWER)) == [Alarm]


def test_of_several_what_has_no_position_is_history_and_a_bad_one_costs_no_other() -> None:
    outcome = conclude([placed(), Report(time=1000.0), nowhere(), placed()], ANSWER)
    assert isinstance(outcome, list)
    assert types(outcome) == [Notice, Positions, DecodeError]
    positions = outcome[1]
    assert isinstance(positions, Positions)
    assert len(positions.fixes) == 2
    assert [getattr(item, "answer", None) for item in outcome] == [b"", ANSWER, None]


@pytest.mark.parametrize("reports", [[], [nowhere()]])
def test_a_frame_without_anything_to_store_is_answered(reports: list[Report]) -> None:
    outcome = conclude(reports, ANSWER)
    assert isinstance(outcome, list)
    assert types(outcome) == [Positions, *[DecodeError] * len(reports)]
    assert outcome[0] == Positions(ANSWER, durable=True)


def test_a_report_without_a_time_is_as_of_now_or_has_no_position() -> None:
    fix = placed(None).fix(5000.0)
    assert fix is not None
    assert (fix.fix_time, fix.valid) == (5000.0, False)
    assert placed(None).fix() is None
    assert types(conclude([placed(None)], ANSWER)) == [Heartbeat]
    assert types(conclude([placed(None)], ANSWER, 5000.0)) == [Positions]


def test_what_is_not_the_newest_of_a_frame_was_stored() -> None:
    reports = [placed(1000.0), placed(3000.0), placed(None), placed(2000.0)]
    mark_stored(reports)
    assert [said.stored for said in reports] == [True, False, True, True]
    alone = placed()
    mark_stored([alone])
    assert not alone.stored


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, {}),
        ({1: 20.5}, {"temperature_c": 20.5}),
        ({2: 7}, {"temperature_c": 7, "temperatures_c": [None, 7]}),
        ({3: -1, 1: 4}, {"temperature_c": 4, "temperatures_c": [4, None, -1]}),
    ],
)
def test_thermometers_by_their_numbers(found: dict[int, float], said: dict[str, object]) -> None:
    assert temperatures(found) == said


def test_what_stands_behind_what_is_known() -> None:
    attributes: dict[str, object] = {}
    extra(attributes, b"\x01\x02", 2)
    assert attributes == {}
    extra(attributes, b"\x01" + bytes(2 * EXTRA_MOST), 0)
    assert attributes == {"extra": "01" + "00" * (EXTRA_MOST - 1)}


def test_a_report_with_a_place_is_a_position() -> None:
    said = Report(time=NOW - 5, lat=22.54, lon=114.059, valid=True, attributes={"a": 1})
    said.alarm("sos")
    said.alarm("sos")
    message = said.message(NOW, b"answer")
    assert isinstance(message, Positions)
    assert (message.answer, message.durable) == (b"answer", True)
    (fix,) = message.fixes
    assert (fix.fix_time, fix.alarms, fix.attributes) == (NOW - 5, ("sos",), {"a": 1})


def test_a_place_without_a_time_is_as_of_now_and_not_valid() -> None:
    fix = Report(lat=1.0, lon=2.0, valid=True).fix(NOW)
    assert fix is not None
    assert (fix.fix_time, fix.valid) == (NOW, False)


@pytest.mark.parametrize(
    "said", [Report(), Report(lat=1.0), Report(lon=1.0), Report(lat=0.0, lon=0.0, time=NOW)]
)
def test_no_place_is_no_position(said: Report) -> None:
    assert isinstance(said.message(NOW), Heartbeat)
    said.alarm("sos")
    assert isinstance(said.message(NOW), Alarm)


def test_zeros_with_satellites_are_a_position() -> None:
    assert Report(lat=0.0, lon=0.0, time=NOW, valid=True).fix(NOW) is not None


def test_places_off_the_earth_are_refused() -> None:
    with pytest.raises(DecodeError):
        Report(lat=91.0, lon=0.0, time=NOW).fix(NOW)
