"""Readers of shared fields: what they give, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import DecodeError
from tracker.protocols import fields

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1, 0, 0, 1),  # noqa: DTZ001 - hypothesis wants it naive
    max_value=datetime(2099, 12, 31, 23, 59, 59),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))


@given(MOMENTS)
def test_times_survive_both_ways(moment: datetime) -> None:
    unix_s = moment.timestamp()
    assert fields.bcd_time(fields.to_bcd_time(unix_s)) == unix_s
    year, *rest = fields.to_binary_time(unix_s)
    assert fields.unix_time(2000 + year, *rest) == unix_s


@pytest.mark.parametrize("digits", ["250229000000", "251301000000", "250101240000", "250101000060"])
def test_impossible_times_are_refused(digits: str) -> None:
    with pytest.raises(DecodeError) as caught:
        fields.bcd_time(bytes.fromhex(digits))
    assert caught.value.kind == "field"


@pytest.mark.parametrize("hex_digits", ["2A0101000000", "A50101000000", "25010100000F"])
def test_digits_above_nine_are_refused(hex_digits: str) -> None:
    with pytest.raises(DecodeError, match=r"BCD|impossible"):
        fields.bcd_time(bytes.fromhex(hex_digits))


def test_no_date_is_not_a_date() -> None:
    assert fields.bcd_time(bytes(6)) is None


def test_years_beyond_the_century_are_refused() -> None:
    with pytest.raises(DecodeError, match="2100"):
        fields.unix_time(2100, 1, 1, 0, 0, 0)


def test_bcd_keeps_leading_zeros_and_refuses_letters() -> None:
    assert fields.bcd(bytes.fromhex("0001234567")) == "0001234567"
    with pytest.raises(DecodeError, match="nibble"):
        fields.bcd(bytes.fromhex("00A1"))


@pytest.mark.parametrize(("lat", "lon"), [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1)])
def test_places_off_the_earth_are_refused(lat: float, lon: float) -> None:
    with pytest.raises(DecodeError, match="Earth"):
        fields.check_coordinates(lat, lon)


def test_the_edges_of_the_earth_are_on_it() -> None:
    for lat, lon in ((90, 180), (-90, -180), (0, 0)):
        fields.check_coordinates(lat, lon)


def test_courses() -> None:
    assert fields.check_course(360.0) == 0.0
    assert fields.check_course(359.9) == 359.9
    with pytest.raises(DecodeError, match="361"):
        fields.check_course(361.0)


@pytest.mark.parametrize("imei", ["356307042441013", "490154203237518", "868935060005020"])
def test_check_digit_of_an_imei(imei: str) -> None:
    assert fields.luhn_digit(imei[:14]) == imei[14]
    assert fields.is_imei(imei)
    assert not fields.is_imei(imei[:14] + str((int(imei[14]) + 1) % 10))
    assert not fields.is_imei(imei[:14])


def test_text_is_stripped_and_marked() -> None:
    assert fields.text(b"\0 MODEL-X\0\0") == "MODEL-X"
    assert fields.text("粤B".encode("gbk"), "gbk") == "粤B"
    assert fields.text(b"a\xffb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("byte", "dbm"), [(75, -75), (0xB5, -75), (0, 0), (127, -127), (128, -128)]
)
def test_strengths_with_and_without_their_sign(byte: int, dbm: int) -> None:
    assert fields.signal_dbm(byte) == dbm


def test_radio_entries_leave_out_what_is_not_known() -> None:
    assert fields.cell(460, 0, 1, 2) == {"mcc": 460, "mnc": 0, "lac": 1, "cid": 2}
    assert fields.cell(460, 0, 1, 2, -60)["rssi_dbm"] == -60
    assert fields.access_point(bytes.fromhex("001801eb4039")) == {"mac": "00:18:01:eb:40:39"}
    assert fields.access_point(bytes(6), -1)["rssi_dbm"] == -1


@pytest.mark.parametrize("place", range(4))
def test_a_base_station_of_more_than_64_bits_is_none(place: int) -> None:
    """What is kept of a report is JSON, and its numbers have 64 bits."""
    numbers = [460, 0, 10_365, 8_120]
    numbers[place] = 1 << 63
    with pytest.raises(DecodeError):
        fields.cell(*numbers)
    numbers[place] -= 1
    assert fields.cell(*numbers)


@pytest.mark.parametrize(
    ("digits", "value"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("", None), ("-1", None)],
)
def test_counts(digits: str, value: int | None) -> None:
    assert fields.count(digits) == value


def test_a_day_is_worked_out_once_and_right() -> None:
    assert fields.unix_time(2025, 3, 1, 0, 30, 15) == 1_740_789_015.0
    assert fields.unix_time(2024, 2, 29, 23, 59, 59) == 1_709_251_199.0
    for impossible in ((24, 0, 0), (0, 60, 0), (0, 0, 60), (-1, 0, 0), (0, 0, -1)):
        with pytest.raises(DecodeError):
            fields.unix_time(2025, 3, 1, *impossible)
