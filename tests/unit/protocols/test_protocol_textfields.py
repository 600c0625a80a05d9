"""Fields of text protocols: what is read, what is empty, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import DecodeError
from tracker.protocols import gps103, h02, tk103, watch, xexun
from tracker.protocols.alarms import ALARMS
from tracker.protocols.gps103 import keywords
from tracker.protocols.h02 import status
from tracker.protocols.textfields import (
    DAY_S,
    amount,
    amounts,
    course,
    degrees,
    dmy,
    in_view,
    knots,
    nearest,
    number,
    rx_dbm,
    signed,
    station,
    whole,
    ymd,
)
from tracker.protocols.tk103 import classic, commas
from tracker.protocols.watch import position
from tracker.protocols.xexun import report

NOW = 1_740_789_015.75


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (number, "19.71", 19.71),
        (number, " -0.5 ", -0.5),
        (number, "+7", 7.0),
        (number, ".5", 0.5),
        (number, "5.", 5.0),
        (number, "", None),
        (number, "  ", None),
        (amount, "85.00", 85),
        (amount, "85.5", 85.5),
        (amount, "", None),
        (whole, "007", 7),
        (whole, " ", None),
        (knots, "10", 18.52),
        (knots, "", None),
        (course, "360.00", 0.0),
        (course, "271.4", 271.4),
        (course, "", None),
    ],
)
def test_what_is_read(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value
    assert type(read(text)) is type(value)


@pytest.mark.parametrize("read", [number, amount, whole, knots, course])
@pytest.mark.parametrize(
    "text", ["nan", "inf", "1e3", "1_0", "0x10", "--1", "1.2.3", "٣", "a", "-", "9" * 19, "9" * 400]
)
def test_what_is_no_number(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(text)
    assert caught.value.kind == "field"


@pytest.mark.parametrize("text", ["-1", "+1", "1.0"])
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(DecodeError):
        whole(text)


@pytest.mark.parametrize("text", ["-1", "360.01", "999"])
def test_what_is_no_course(text: str) -> None:
    with pytest.raises(DecodeError):
        course(text)


def test_amounts_leave_out_what_is_none() -> None:
    assert amounts(("a", "b", "c", "d"), ["1", "", "x", "2.5", "9"]) == {"a": 1, "d": 2.5}


@pytest.mark.parametrize(
    ("text", "letter", "value"),
    [
        ("2232.4000", "N", 22.54),
        ("11403.5400", "E", 114.059),
        ("3326.7890", "S", -33.446483),
        ("07038.7654", "w", -70.646090),
        ("811.2992", "", 8.188320),
        ("10.2368", "E", 0.170613),
        ("5", "N", 0.083333),
        ("-2329.0095", "S", -23.483492),
        ("-2329.0095", "N", -23.483492),
        (" 2232.4 ", " N ", 22.54),
        ("0000.0000", "S", 0.0),
    ],
)
def test_degrees(text: str, letter: str, value: float) -> None:
    assert degrees(text, letter) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("", "N"),
        ("2261.0000", "N"),
        ("22.32.4", "N"),
        ("2232.4", "X"),
        ("22a2.4", "N"),
        ("+22", "N"),
    ],
)
def test_what_is_no_angle(text: str, letter: str) -> None:
    with pytest.raises(DecodeError):
        degrees(text, letter)


@given(st.floats(-180, 180), st.sampled_from(["", "N", "S", "E", "W"]))
def test_a_sign_stands_and_a_letter_is_applied_once(value: float, letter: str) -> None:
    assert signed(value, letter) == (
        -abs(value) if value < 0 or (letter in "SW" and letter) else value
    )


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - set to UTC below
def test_dates_in_both_orders(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    clock = moment.strftime("%H%M%S")
    assert dmy(moment.strftime("%d%m%y"), clock) == moment.timestamp()
    assert ymd(moment.strftime("%y%m%d"), clock + ".250") == moment.timestamp() + 0.25


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        ("320125", "000000"),
        ("290225", "000000"),
        ("01012", "000000"),
        ("010125", "240000"),
        ("010125", "006000"),
        ("010125", "000060"),
        ("010125", "0000"),
        ("", ""),
    ],
)
def test_impossible_dates(date: str, clock: str) -> None:
    with pytest.raises(DecodeError):
        dmy(date, clock)


@given(st.integers(1_000_000_000, 4_000_000_000), st.integers(-43_199, 43_199))
def test_the_nearest_moment_with_a_time_of_day(now: int, ahead_s: int) -> None:
    moment = datetime.fromtimestamp(now + ahead_s, UTC)
    found = nearest(moment.strftime("%H%M%S"), float(now))
    assert found == moment.timestamp()
    assert abs(found - now) <= DAY_S / 2


def test_satellites() -> None:
    assert [in_view(text) for text in ("0", " 7", "12.0", "255")] == [0, 7, 12, 255]
    assert [in_view(text) for text in ("", "-1", "1.5", "x", "9" * 30)] == [None] * 5


def test_strengths() -> None:
    assert [rx_dbm(level) for level in (0, 63, 64, 99, 158, 199, 200)] == [
        -110, -47, None, None, -62, -21, None,
    ]  # fmt: skip
    assert station(1, 2, 3, 4) == {"mcc": 1, "mnc": 2, "lac": 3, "cid": 4}
    assert station(1, 2, 3, 4, 158)["rssi_dbm"] == -62
    assert "rssi_dbm" not in station(1, 2, 3, 4, 75)


def test_alarm_names_are_in_the_table() -> None:
    tables = (
        status.ALARM_BITS,
        keywords.ALARMS,
        position.ALARM_BITS,
        classic.ALARMS,
        classic.ENGINE_ALARMS,
        commas.ALARMS,
        report.ALARMS,
    )
    for table in tables:
        assert set(table.values()) <= ALARMS.keys()


def test_text_protocols_wait_for_slow_devices() -> None:
    """Their heartbeats are minutes apart: no connection may be closed between two."""
    for known in (h02, gps103, tk103, watch, xexun):
        assert known.FAMILY.heartbeat_s >= 60.0
