"""Meitrack, byte for byte; lengths and sums are worked out here once more."""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.meitrack import BATCH_RECORDS, FAMILY, MeitrackTerminal, stated

from .protocol_cases import SOUTH_WEST, hexed, three_ways

IDENT = "359099000000017"
RECORD = hexed(
    "23"  # event 35
    "6B 7D 01 FE"  # -33,456,789e-6 degree
    "43 FC C9 FB"  # -70,648,765e-6 degree
    "8C B8 64 31"  # 828,684,428 seconds since 2000
    "01 0B 14"  # fixed, 11 satellites, signal 20
    "58 00 0F 01 09 00 37 02"  # 88 km/h, 271 degree, HDOP 0.9, 567 m
    "BC CC 5B 07 00 00 00 00"  # 123,456,700 m
    "01 00 01 00 01 00 01 00"  # no real cell
    "00 01 00 00 9A 01 EC 04 00 00 00 00"  # ignition on input 1, 4.10 V, 12.60 V
)


def terminal() -> MeitrackTerminal:
    return MeitrackTerminal(IDENT, {})


def framed(mark: bytes, flag: bytes, words: bytes) -> bytes:
    content = b"," + IDENT.encode() + b"," + words + b"*"
    head = mark + flag + str(len(content) + 4).encode() + content
    return head + b"%02X\r\n" % (sum(head) & 0xFF)


def server(flag: bytes, words: bytes) -> bytes:
    return framed(b"@@", flag, words)


def test_login_and_heartbeat_are_the_same_command() -> None:
    one = terminal()
    assert one.hello() == framed(b"$$", b"z", b"AAC") == b"$$z25,359099000000017,AAC*6B\r\n"
    assert one.heartbeat(None) == one.hello()
    answers = one.receive(server(b"z", b"AAC,1") * 2)
    assert [answer.kind for answer in answers] == [AnswerKind.ACCEPTED, AnswerKind.BEAT]


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    words = b"CCC,\x02\x01" + hexed("34 00 01 00 00 00") + RECORD
    assert frame.data == framed(b"$$", b"A", words)
    assert (frame.serial, frame.fixes, len(RECORD)) == (1, 1, 52)


def test_a_batch_of_stored_positions() -> None:
    fixes = [dataclasses.replace(SOUTH_WEST, fix_time=SOUTH_WEST.fix_time + at) for at in range(30)]
    frame = terminal().backlog(fixes)
    assert frame.fixes == BATCH_RECORDS
    assert len(frame.data) < 1046
    assert hexed("34 00 1E 00 00 00") in frame.data


def test_flags_say_which_frame_is_answered() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    one.backlog([SOUTH_WEST] * 3)
    answers = one.receive(server(b"B", b"CCC,3") + server(b"A", b"CCC,2") + server(b"A", b"CCC,1"))
    assert [(answer.kind, answer.serial) for answer in answers] == [
        (AnswerKind.ACKNOWLEDGED, 2),
        (AnswerKind.REJECTED, 1),
        (AnswerKind.REJECTED, -1),
    ]


def test_the_flag_of_the_heartbeat_is_never_that_of_a_position() -> None:
    one = terminal()
    flags = {one.position(SOUTH_WEST).data[2:3] for _ in range(120)}
    assert len(flags) == 57
    assert b"z" not in flags


@pytest.mark.parametrize("words", [b"C01,0,12222", b"A12,1"])
def test_commands_are_answered_under_their_flag(words: bytes) -> None:
    for answers in three_ways(terminal, server(b"Q", words)):
        assert answers[-1].kind is AnswerKind.COMMAND
        assert answers[-1].reply == framed(b"$$", b"Q", words[:3] + b",OK")


def test_a_request_for_the_position_is_answered_by_a_report() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    (answer,) = one.receive(server(b"C", b"A10"))
    report = b"AAA,34,-33.456789,-70.648765,260405060708,A,11,20,88,271,0.9,567"
    assert answer.reply == framed(b"$$", b"C", report)


@pytest.mark.parametrize(
    "said",
    [
        server(b"A", b"CCC,1").replace(b"CCC", b"CCD"),
        server(b"A", b"CCC,1").replace(b"@@", b"@A"),
        b"hello\r\n",
        b"\r\n",
    ],
)
def test_what_is_no_frame(said: bytes) -> None:
    assert [answer.kind for answer in terminal().receive(said)] == [AnswerKind.DAMAGED]


def test_a_frame_for_another_device() -> None:
    other = MeitrackTerminal("359099000000025", {})
    assert [answer.kind for answer in other.receive(server(b"A", b"A10"))] == [AnswerKind.DAMAGED]


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 880, 2710)
