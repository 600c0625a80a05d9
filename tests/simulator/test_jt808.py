"""JT/T 808, editions 2013 and 2019, byte for byte.

The vectors were worked out by hand from the tables of JT/T 808-2013 and -2019 (header, 0100, 0102,
0200, 0704, 8001, 8100); check bytes are the XOR of header and body.
"""

from __future__ import annotations

import dataclasses

from simulator.model import Stated
from simulator.protocols.base import AnswerKind, Memory
from simulator.protocols.jt808 import (
    Jt808Terminal,
    Jt808Terminal2019,
    escape,
    stated,
    unescape,
)

from .protocol_cases import SOUTH_WEST, hexed, three_ways
from .tracker_double import xor

IDENT = "019900000003"
IDENT_2019 = "00000000019900000004"
LOCATION = hexed(
    "00 00 00 00"  # no alarm
    "00 04 00 0F"  # GPS; west, south, fixed, ignition
    "01 FE 82 95"  # 33,456,789e-6 degree
    "04 36 03 BD"  # 70,648,765e-6 degree
    "02 37"  # 567 m
    "03 6C"  # 87.6 km/h
    "01 0F"  # 271 degree
    "26 04 05 14 07 08"  # 14:07:08 at GMT+8
    "01 04 00 12 D6 87"  # 123,456.7 km
    "30 01 14"  # signal
    "31 01 0B"  # satellites
)


def terminal(memory: Memory | None = None) -> Jt808Terminal:
    return Jt808Terminal(IDENT, {} if memory is None else memory)


def framed(content: str | bytes) -> bytes:
    data = content if isinstance(content, bytes) else hexed(content)
    return b"\x7e" + escape(data + bytes((xor(data),))) + b"\x7e"


def test_register() -> None:
    expected = framed(
        hexed("01 00 00 2E 01 99 00 00 00 03 00 01 00 2C 01 2C")
        + b"SIMUL"
        + b"TRACKER-1"
        + bytes(11)
        + b"0000003"
        + b"\x02SIM000003"
    )
    assert terminal().hello() == expected


def test_register_of_2019_has_longer_fields() -> None:
    expected = framed(
        hexed("01 00 40 55 01 00 00 00 00 01 99 00 00 00 04 00 01 00 2C 01 2C")
        + b"SIMUL".ljust(11, b"\0")
        + b"TRACKER-1".ljust(30, b"\0")
        + b"0000004".ljust(30, b"\0")
        + b"\x02SIM000004"
    )
    assert Jt808Terminal2019(IDENT_2019, {}).hello() == expected


def test_registration_leads_to_authentication() -> None:
    memory: Memory = {}
    one = terminal(memory)
    one.hello()
    (answer,) = one.receive(framed("81 00 00 07 01 99 00 00 00 03 00 00 00 01 00 4B 45 59 31"))
    assert answer.kind is AnswerKind.NEXT
    assert answer.reply == framed("01 02 00 04 01 99 00 00 00 03 00 02 4B 45 59 31")
    assert memory == {"auth_code": "KEY1"}


def test_a_known_code_authenticates_at_once() -> None:
    one = terminal({"auth_code": "KEY1"})
    assert one.hello() == framed("01 02 00 04 01 99 00 00 00 03 00 01 4B 45 59 31")


def test_authentication_of_2019_adds_imei_and_version() -> None:
    one = Jt808Terminal2019(IDENT_2019, {"auth_code": "KEY1"})
    expected = framed(
        hexed("01 02 40 28 01 00 00 00 00 01 99 00 00 00 04 00 01 04")
        + b"KEY1"
        + b"000019900000004"
        + b"1.0".ljust(20, b"\0")
    )
    assert one.hello() == expected


def test_a_refused_code_is_forgotten() -> None:
    memory: Memory = {"auth_code": "OLD"}
    one = terminal(memory)
    one.hello()
    (answer,) = one.receive(framed("80 01 00 05 01 99 00 00 00 03 00 00 00 01 01 02 01"))
    assert answer.kind is AnswerKind.REFUSED
    assert memory == {}


def test_location() -> None:
    head = hexed("02 00 00 28 01 99 00 00 00 03 00 01")
    assert terminal().position(SOUTH_WEST).data == framed(head + LOCATION)


def test_location_of_2019() -> None:
    head = hexed("02 00 40 28 01 00 00 00 00 01 99 00 00 00 04 00 01")
    one = Jt808Terminal2019(IDENT_2019, {})
    assert one.position(SOUTH_WEST).data == framed(head + LOCATION)


def test_a_backlog_goes_as_a_batch_of_the_blind_area() -> None:
    batch = terminal().backlog([SOUTH_WEST] * 2)
    assert batch.fixes == 2
    item = b"\x00\x28" + LOCATION
    head = hexed("07 04 00 57 01 99 00 00 00 03 00 01 00 02 01")
    assert batch.data == framed(head + item + item)


def test_a_batch_holds_what_one_body_holds() -> None:
    batch = terminal().backlog([SOUTH_WEST] * 100)
    assert batch.fixes == (1023 - 3) // 42
    content = unescape(batch.data[1:-1])
    assert int.from_bytes(content[2:4], "big") & 0x3FF == len(content) - 12 - 1


def test_heartbeat() -> None:
    assert terminal().heartbeat(None) == framed("00 02 00 00 01 99 00 00 00 03 00 01")


def test_escaping_goes_both_ways() -> None:
    for raw in (b"\x7d\x02", b"\x7e\x7d", b"\x7d\x01\x7e", b"\x7d\x7d\x02"):
        assert b"\x7e" not in escape(raw)
        assert unescape(escape(raw)) == raw
    one = terminal()
    for _ in range(0x7D):
        one.heartbeat(None)
    assert hexed("00 7D 02") in one.position(SOUTH_WEST).data  # serial 7E


def test_stated_is_what_the_frame_holds() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2710)
    assert stated(dataclasses.replace(SOUTH_WEST, course_deg=359.7)).course_ddeg == 0


def test_each_answer_in_three_cuts() -> None:
    head = "80 01 00 05 01 99 00 00 00 03 00 05"
    for rest, kind in (
        ("00 01 01 02 00", AnswerKind.ACCEPTED),
        ("00 07 02 00 00", AnswerKind.ACKNOWLEDGED),
        ("00 07 07 04 00", AnswerKind.ACKNOWLEDGED),
        ("00 07 02 00 04", AnswerKind.ACKNOWLEDGED),
        ("00 07 02 00 01", AnswerKind.REJECTED),
        ("00 07 00 02 00", AnswerKind.BEAT),
    ):
        for answers in three_ways(terminal, framed(f"{head} {rest}")):
            assert [answer.kind for answer in answers] == [kind], rest


def test_an_ack_names_its_frame() -> None:
    (answer,) = terminal().receive(framed("80 01 00 05 01 99 00 00 00 03 00 05 7D 7E 02 00 00"))
    assert answer.serial == 0x7D7E


def test_one_delimiter_may_end_a_frame_and_begin_the_next() -> None:
    data = framed("80 01 00 05 01 99 00 00 00 03 00 05 00 07 02 00 00")
    answers = terminal().receive(data + data[1:])
    assert [answer.kind for answer in answers] == [AnswerKind.ACKNOWLEDGED] * 2


def test_a_refused_registration() -> None:
    (answer,) = terminal().receive(framed("81 00 00 03 01 99 00 00 00 03 00 00 00 01 04"))
    assert answer.kind is AnswerKind.REFUSED


def test_a_query_is_answered_with_the_latest_location() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    (answer,) = one.receive(framed("82 01 00 00 01 99 00 00 00 03 00 21"))
    head = hexed("02 01 00 2A 01 99 00 00 00 03 00 02 00 21")
    assert answer.reply == framed(head + LOCATION)


def test_what_is_not_known_is_answered_as_unsupported() -> None:
    (answer,) = terminal().receive(framed("81 04 00 00 01 99 00 00 00 03 00 21"))
    assert answer.kind is AnswerKind.COMMAND
    assert answer.reply == framed("00 01 00 05 01 99 00 00 00 03 00 01 00 21 81 04 03")


def test_a_damaged_answer_is_told() -> None:
    good = framed("80 01 00 05 01 99 00 00 00 03 00 05 00 07 02 00 00")
    bad = bytearray(good)
    bad[-3] ^= 1
    kinds = [answer.kind for answer in terminal().receive(bytes(bad) + good)]
    assert kinds == [AnswerKind.DAMAGED, AnswerKind.ACKNOWLEDGED]
