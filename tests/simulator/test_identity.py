"""Identities: well-formed, distinct, and the same in every run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import UsageError
from simulator.identity import imei, luhn_digit, phone, same_ident


def luhn_sum(digits: str) -> int:
    """The Luhn sum by its definition: every second digit from the right counts twice."""
    values = [int(digit) for digit in reversed(digits)]
    return sum(values[0::2]) + sum(sum(divmod(2 * value, 10)) for value in values[1::2])


def test_luhn_digit_of_a_published_number() -> None:
    # The IMEI that 3GPP TS 23.003 readers know from textbooks: 49-015420-323751-8.
    assert luhn_digit("49015420323751") == "8"


@given(st.integers(0, 999_999))
def test_imei_has_15_digits_and_passes_luhn(number: int) -> None:
    ident = imei(number)
    assert len(ident) == 15
    assert ident.isdigit()
    assert not ident.startswith("0")
    assert luhn_sum(ident) % 10 == 0


def test_imeis_of_neighbours_differ() -> None:
    assert len({imei(number) for number in range(20_000)}) == 20_000


def test_phone_has_12_digits_or_20() -> None:
    assert phone(7) == "019900000007"
    assert phone(7, 20) == "00000000019900000007"


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_numbers_without_an_imei_are_refused(number: int) -> None:
    with pytest.raises(UsageError, match="no IMEI"):
        imei(number)


def test_numbers_without_a_phone_are_refused() -> None:
    with pytest.raises(UsageError, match="no phone"):
        phone(100_000_000)


def test_leading_zeros_do_not_distinguish() -> None:
    assert same_ident(phone(3)) == same_ident(phone(3, 20))
    assert same_ident("0000") == "0"
    assert same_ident("1230") != same_ident("123")
