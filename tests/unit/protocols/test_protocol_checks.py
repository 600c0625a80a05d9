"""Checksums: the check values by which protocol texts tell them apart, and what defines them."""

from __future__ import annotations

import functools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.protocols import checks


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crc16_x25", 0x906E),
        ("crc16_arc", 0xBB3D),
        ("crc16_modbus", 0x4B37),
        ("crc16_kermit", 0x2189),
        ("crc16_ccitt_false", 0x29B1),
        ("crc8_egts", 0xF7),
        ("sum8", 0xDD),
        ("xor8", 0x31),
    ],
)
def test_check_value(name: str, value: int) -> None:
    assert getattr(checks, name)(b"123456789") == value


@given(st.binary(max_size=2100))
def test_xor_is_the_exclusive_or_of_all_bytes(data: bytes) -> None:
    assert checks.xor8(data) == functools.reduce(operator.xor, data, 0)
    assert checks.xor8(data + bytes((checks.xor8(data),))) == 0


@given(st.binary(max_size=600))
def test_sum_is_modulo_256(data: bytes) -> None:
    assert checks.sum8(data) == sum(data) % 256


def test_gt06_text_example() -> None:
    """The CRC of the login that the maker publishes."""
    assert checks.crc16_x25(bytes.fromhex("0D 01 01 23 45 67 89 01 23 45 00 01")) == 0x8CDD
