"""The generic 0x55 frame, byte for byte.

The vectors were worked out by hand from the layout in the module's docstring; each checksum is the
XOR of the bytes before it, computed here once more.
"""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Fix, Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.frame55 import FAMILY, Frame55Terminal, frame, position_payload, stated

from .protocol_cases import SOUTH_WEST, hexed, three_ways
from .tracker_double import xor

IDENT = "359099000000017"


def terminal() -> Frame55Terminal:
    return Frame55Terminal(IDENT, {})


def test_login() -> None:
    expected = hexed("55 01 03 0F 33 35 39 30 39 39 30 30 30 30 30 30 30 31 37 61")
    assert xor(expected) == 0
    assert terminal().hello() == expected


def test_position() -> None:
    expected = hexed(
        "55 01 01 14"
        "69 D1 FC 0C"  # 1775369228 s
        "FE 01 7D 6B"  # -33,456,789e-6 degree
        "FB C9 FC 43"  # -70,648,765e-6 degree
        "03 6C"  # 87.6 km/h
        "0A 9A"  # 271.4 degree
        "02 37"  # 567 m
        "0B"  # satellites
        "23"  # valid, ignition, moving
    )
    assert terminal().position(SOUTH_WEST).data == expected + bytes((xor(expected),))


def test_heartbeat() -> None:
    assert terminal().heartbeat(None) == hexed("55 01 02 00 56")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"ignition": False, "speed_kmh": 0.0}, 0x01),
        ({"ignition": True, "speed_kmh": 0.9}, 0x03),
        ({"ignition": True, "speed_kmh": 1.1}, 0x23),
    ],
)
def test_status_bits(change: dict[str, float], status: int) -> None:
    assert position_payload(dataclasses.replace(SOUTH_WEST, **change))[-1] == status


def test_stored_positions_are_flagged_and_batched() -> None:
    frame_of_5 = terminal().backlog([SOUTH_WEST] * 5)
    assert frame_of_5.fixes == 5
    assert frame_of_5.data[2:5] == bytes((0x04, 1 + 5 * 20, 5))
    assert all(frame_of_5.data[4 + 20 * index] & 16 for index in range(1, 6))
    assert terminal().backlog([SOUTH_WEST] * 30).fixes == 12


def test_few_stored_positions_go_alone() -> None:
    # In the ack of a batch its count stands where else the result does: below 5 they mix.
    single = terminal().backlog([SOUTH_WEST] * 4)
    assert single.fixes == 1
    assert single.data[2] == 0x01
    assert single.data[-2] & 16


def test_stated_is_what_the_frame_holds() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)
    north = Fix(1775369228.9, 1.0000004, 2.0000006, 6600.0, 359.96)
    assert stated(north) == Stated(1775369228000, 1000000, 2000001, 0xFFFF, 0)


def test_each_answer_in_three_cuts() -> None:
    for data, kind in (
        ("55 01 81 02 03 00 D4", AnswerKind.ACCEPTED),
        ("55 01 83 01 00 D6", AnswerKind.ACCEPTED),  # the short form of minimal firmware
        ("55 01 81 02 03 02 D6", AnswerKind.REFUSED),
        ("55 01 81 02 01 02 D4", AnswerKind.REFUSED),
        ("55 01 81 02 01 00 D6", AnswerKind.ACKNOWLEDGED),
        ("55 01 81 02 01 01 D7", AnswerKind.REJECTED),
        ("55 01 81 02 02 00 D5", AnswerKind.BEAT),
        ("55 01 10 02 00 1E 58", AnswerKind.COMMAND),
        ("55 01 11 00 45", AnswerKind.LOCATE),
    ):
        for answers in three_ways(terminal, hexed(data)):
            assert [answer.kind for answer in answers] == [kind], data


def test_an_ack_names_the_frame_under_way() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    second = one.position(SOUTH_WEST)
    (answer,) = one.receive(hexed("55 01 81 02 01 00 D6"))
    assert answer.serial == second.serial


def test_a_batch_is_acknowledged_by_its_count() -> None:
    for count, kind in ((7, AnswerKind.ACKNOWLEDGED), (6, AnswerKind.REJECTED)):
        one = terminal()
        one.backlog([SOUTH_WEST] * 7)
        data = bytes((0x55, 1, 0x81, 2, 4, count))
        (answer,) = one.receive(data + bytes((xor(data),)))
        assert answer.kind is kind


def test_commands_are_answered() -> None:
    (answer,) = terminal().receive(hexed("55 01 12 01 01 46"))
    assert answer.reply == frame(0x81, bytes((0x12, 0)))


def test_garbage_is_skipped_one_byte_at_a_time() -> None:
    good = hexed("55 01 81 02 01 00 D6")
    answers = terminal().receive(b"\x00\x55" + good)
    assert answers[-1].kind is AnswerKind.ACKNOWLEDGED
    damaged = terminal().receive(hexed("55 01 81 02 01 00 D7") + good)
    assert damaged[0].kind is AnswerKind.DAMAGED
    assert damaged[-1].kind is AnswerKind.ACKNOWLEDGED


def test_one_frame_at_a_time() -> None:
    assert terminal().window == 1
    assert FAMILY.ident(1) == IDENT
