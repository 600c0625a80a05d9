"""Ruptela, byte for byte; each CRC is worked out here once more, bit by bit."""

from __future__ import annotations

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.ruptela import BATCH_RECORDS, FAMILY, RuptelaTerminal, stated

from .protocol_cases import SOUTH_WEST, hexed, in_a_row, reflected_crc, three_ways

IDENT = "359099000000017"
IMEI = hexed("00 01 46 99 40 55 8E 11")
RECORD = hexed(
    "69 D1 FC 0C 00 00"  # seconds since 1970, extension, priority
    "D5 E3 DA 9E"  # -706,487,650e-7 degree
    "EC 0E E6 2E"  # -334,567,890e-7 degree
    "16 26 6A 04 0B 00 58 09 07"  # 567.0 m, 271.40 degree, 11 satellites, 88 km/h, HDOP 0.9, event
    "02 FB 01 1B 14"  # ignition, signal
    "02 1D 31 38 1E 10 04"  # 12.6 V, 4.1 V
    "01 41 07 5B CC BC 00"  # 123,456,700 m
)


def terminal() -> RuptelaTerminal:
    return RuptelaTerminal(IDENT, {})


def kermit(data: bytes) -> int:
    return reflected_crc(data, 0x8408)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body + kermit(body).to_bytes(2, "big")


def test_check_value() -> None:
    assert kermit(b"123456789") == 0x2189


def test_login_and_heartbeat() -> None:
    assert int(IDENT).to_bytes(8, "big") == IMEI
    firmware = b"00.03.68.04\0\0\0\0"
    rest = hexed("00 00 00 EB 28 B0 F4 01 00 00 00 65 00 00 03 E8 00 00 00 3C 00 1E")
    assert int.from_bytes(rest[:8], "big") == 1_010_000_000_001
    assert terminal().hello() == framed(IMEI + b"\x0f" + firmware + rest)
    assert terminal().heartbeat(None) == framed(IMEI + b"\x10")


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == framed(IMEI + b"\x01\x00\x01" + RECORD)
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions() -> None:
    frame = terminal().backlog(in_a_row(40))
    assert frame.fixes == BATCH_RECORDS
    assert frame.data[11:13] == bytes((25, 15))
    assert len(frame.data) <= 1024


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("73 01", AnswerKind.ACCEPTED),
        ("73 00", AnswerKind.REFUSED),
        ("74 01", AnswerKind.BEAT),
        ("64 01", AnswerKind.ACKNOWLEDGED),
        ("64 00", AnswerKind.REJECTED),
        ("75 00 00 01 9A 00 00 00 01", AnswerKind.COMMAND),
        ("69 01", AnswerKind.DAMAGED),
    ],
)
def test_answers(body: str, kind: AnswerKind) -> None:
    for answers in three_ways(terminal, framed(hexed(body))):
        assert answers[-1].kind is kind


def test_the_answers_of_the_protocol_text() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    answers = one.receive(hexed("00 02 64 00 02 35 00 02 64 01 13 BC"))
    assert [answer.kind for answer in answers] == [AnswerKind.REJECTED, AnswerKind.ACKNOWLEDGED]
    assert answers[1].serial == 1


@pytest.mark.parametrize(
    ("words", "kind"), [(b" coords", AnswerKind.LOCATE), (b"pass reset", AnswerKind.COMMAND)]
)
def test_texts_are_answered_by_their_words(words: bytes, kind: AnswerKind) -> None:
    (answer,) = terminal().receive(framed(b"\x6c" + words))
    assert answer.kind is kind
    assert answer.reply == framed(IMEI + b"\x07" + words.partition(b" ")[2] + b" ok")


@pytest.mark.parametrize("said", [hexed("00 02 64 01 13 BD"), hexed("00 00 00"), b"\xff\xff\xff"])
def test_what_is_no_packet(said: bytes) -> None:
    assert {answer.kind for answer in terminal().receive(said)} == {AnswerKind.DAMAGED}


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 880, 2714)
