"""GT06, byte for byte.

The first login and its answer are the example in the Concox GT06 protocol document; all other
vectors were worked out by hand from the layout in the module's docstring, their CRC computed bit
by bit by the test double.
"""

from __future__ import annotations

import dataclasses

from simulator.model import Fix, Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.gt06 import Gt06Terminal, stated

from .protocol_cases import SOUTH_WEST, hexed, three_ways
from .tracker_double import crc_x25

IDENT = "359099000000025"


def terminal(ident: str = IDENT) -> Gt06Terminal:
    return Gt06Terminal(ident, {})


def framed(body: str) -> bytes:
    """Start, `body` (length to serial), CRC and stop."""
    data = hexed(body)
    return b"xx" + data + crc_x25(data).to_bytes(2, "big") + b"\r\n"


def test_crc_check_value() -> None:
    assert crc_x25(b"123456789") == 0x906E


def test_login_of_the_vendors_example() -> None:
    expected = hexed("78 78 0D 01 01 23 45 67 89 01 23 45 00 01 8C DD 0D 0A")
    assert terminal("123456789012345").hello() == expected


def test_login() -> None:
    assert terminal().hello() == framed("0D 01 03 59 09 90 00 00 00 25 00 01")


def test_position() -> None:
    one = terminal()
    one.hello()
    expected = framed(
        "26 22"
        "1A 04 05 06 07 08"  # 2026-04-05 06:07:08
        "CB"  # 12 bytes, 11 satellites
        "03 96 EB 0C"  # 33.456789 x 1,800,000 = 60,222,220
        "07 94 6D 21"  # 70.648765 x 1,800,000 = 127,167,777
        "58"  # 88 km/h
        "19 0F"  # course 271, south, west, fixed
        "00 01 01 00 01 00 00 01"  # the test network 001-01, area 1, cell 1
        "01 00 00"  # ignition, by interval, not stored
        "07 5B CC DC"  # 123,456,732 m
        "00 02"
    )
    fix = dataclasses.replace(SOUTH_WEST, odometer_m=123_456_732.0)
    assert one.position(fix).data == expected


def test_stored_positions_carry_the_re_upload_flag() -> None:
    live, stored = terminal().position(SOUTH_WEST), terminal().backlog([SOUTH_WEST] * 3)
    assert stored.fixes == 1
    flag = 2 + 2 + 18 + 8 + 2  # start; length, protocol; GPS; LBS; ignition, mode
    assert (live.data[flag], stored.data[flag]) == (0, 1)


def test_heartbeat_states_the_ignition() -> None:
    one = terminal()
    assert one.heartbeat(SOUTH_WEST) == framed("0A 13 46 06 04 00 02 00 01")
    assert one.heartbeat(None) == framed("0A 13 44 06 04 00 02 00 02")


def test_stated_is_what_the_frame_holds() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 880, 2710)
    assert stated(Fix(1.0, 0.0, 0.0, 300.0, 359.6)).speed_dkmh == 2550
    assert stated(Fix(1.0, 0.0, 0.0, 0.0, 359.6)).course_ddeg == 0


def test_each_answer_in_three_cuts() -> None:
    for body, kinds in (
        ("05 01 00 01", [AnswerKind.ACCEPTED]),
        ("05 22 00 02", [AnswerKind.ACKNOWLEDGED]),
        ("05 13 00 09", [AnswerKind.BEAT]),
        ("12 80 0C 00 00 00 01 52 45 4C 41 59 2C 31 23 00 07", [AnswerKind.COMMAND]),
        ("05 8A 00 01", []),
    ):
        for answers in three_ways(terminal, framed(body)):
            assert [answer.kind for answer in answers] == kinds, body


def test_the_vendors_answer_is_accepted() -> None:
    (answer,) = terminal().receive(hexed("78 78 05 01 00 01 D9 DC 0D 0A"))
    assert answer.kind is AnswerKind.ACCEPTED


def test_a_long_frame_is_read_by_its_length() -> None:
    body = hexed("00 06 94 FF 00 01")
    data = b"yy" + body + crc_x25(body).to_bytes(2, "big") + b"\r\n"
    assert terminal().receive(data) == []
    (answer,) = terminal().receive(data + framed("05 01 00 01"))
    assert answer.kind is AnswerKind.ACCEPTED


def test_a_damaged_answer_is_skipped() -> None:
    good = framed("05 22 00 02")
    bad = bytearray(good)
    bad[5] ^= 1
    kinds = [answer.kind for answer in terminal().receive(bytes(bad) + good)]
    assert kinds[0] is AnswerKind.DAMAGED
    assert kinds[-1] is AnswerKind.ACKNOWLEDGED
    assert kinds.count(AnswerKind.ACKNOWLEDGED) == 1


def test_a_command_is_answered_with_its_flag() -> None:
    data = framed("12 80 0C 12 34 56 78 52 45 4C 41 59 2C 31 23 00 07")
    (answer,) = terminal().receive(data)
    assert answer.reply == framed("0E 15 06 12 34 56 78 4F 4B 00 02 00 01")


def test_an_answered_heartbeat_vouches_for_the_positions_before_it() -> None:
    one = terminal()
    first, second = one.position(SOUTH_WEST), one.position(SOUTH_WEST)
    one.heartbeat(None)
    third = one.position(SOUTH_WEST)
    answers = one.receive(framed("05 13 00 03"))
    acknowledged = [one.serial for one in answers if one.kind is AnswerKind.ACKNOWLEDGED]
    assert acknowledged == [first.serial, second.serial]
    assert third.serial not in acknowledged
    assert not one.answered


def test_once_positions_are_answered_heartbeats_vouch_for_nothing() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    one.receive(framed("05 22 00 01"))
    assert one.answered
    one.position(SOUTH_WEST)
    one.heartbeat(None)
    kinds = [answer.kind for answer in one.receive(framed("05 13 00 03"))]
    assert kinds == [AnswerKind.BEAT]


def test_serials_wrap_without_zero() -> None:
    one = terminal()
    one.receive(framed("05 22 00 01"))  # positions are answered: nothing piles up
    serials = [one.position(SOUTH_WEST).serial for _ in range(0x10001)]
    assert serials[0xFFFE:] == [0xFFFF, 1, 2]
