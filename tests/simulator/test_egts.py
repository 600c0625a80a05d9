"""EGTS, byte for byte.

The vectors were worked out by hand from the layout in the module's docstring; each CRC is computed
here once more, bit by bit.
"""

from __future__ import annotations

import pytest

from simulator.model import Stated
from simulator.protocols.base import Answer, AnswerKind
from simulator.protocols.egts import BATCH_RECORDS, FAMILY, EgtsTerminal, stated

from .protocol_cases import SOUTH_WEST, hexed, in_a_row, plain_crc, three_ways

IDENT = "359099000000017"


def crc8(data: bytes) -> int:
    return plain_crc(data, 8, 0x31, 0xFF)


def crc16(data: bytes) -> bytes:
    return plain_crc(data, 16, 0x1021, 0xFFFF).to_bytes(2, "little")


def whole(kind: int, number: int, data: bytes) -> bytes:
    head = hexed("01 00 00 0B 00") + len(data).to_bytes(2, "little")
    head += number.to_bytes(2, "little") + bytes((kind,))
    return head + bytes((crc8(head),)) + data + crc16(data)


def response(packet: int, *results: int) -> bytes:
    data = packet.to_bytes(2, "little") + b"\x00"
    for result in results:
        data += hexed("06 00 00 00 00 02 02 00 03 00 00 00") + bytes((result,))
    return whole(0, 0, data)


def result(code: int) -> bytes:
    return whole(1, 1, hexed("04 00 01 00 00 01 01 09 01 00") + bytes((code,)))


def terminal() -> EgtsTerminal:
    return EgtsTerminal(IDENT, {})


def test_the_check_values() -> None:
    assert crc8(b"123456789") == 0xF7
    assert crc16(b"123456789") == hexed("B1 29")


def test_login() -> None:
    data = hexed("17 00 00 00 01 01 00 00 00 01 01 01 14 00 01 00 00 00 02") + IDENT.encode()
    assert terminal().hello() == whole(1, 0, data)


def test_position() -> None:
    one = terminal()
    one.hello()
    data = hexed(
        "20 00 01 00 01 01 00 00 00 02 02"
        "10 18 00"
        "0C C1 94 1E"  # 513065228 s since 2010
        "82 7D 2A 5F"  # 33.456789 / 90 * FFFFFFFF
        "2B 6E 7A 64"  # 70.648765 / 180 * FFFFFFFF
        "F3"  # fix, 3D, moving, south, west, altitude
        "6C 83 0F"  # 87.6 km/h, 271 degrees
        "87 D6 12"  # 123,456.7 km
        "00 00"
        "37 02 00"  # 567 m
        "11 02 00 08 0B"  # 11 satellites
    )
    frame = one.position(SOUTH_WEST)
    assert frame.data == whole(1, 1, data)
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions() -> None:
    frame = terminal().backlog(in_a_row(30))
    assert frame.fixes == BATCH_RECORDS
    assert frame.data[37] & 8, "from the black box"
    assert crc16(frame.data[11:-2]) == frame.data[-2:]


@pytest.mark.parametrize(("code", "kind"), [(0, AnswerKind.ACCEPTED), (151, AnswerKind.REFUSED)])
def test_the_result_of_the_login(code: int, kind: AnswerKind) -> None:
    for answers in three_ways(terminal, response(0, 0) + result(code)):
        assert [answer.kind for answer in answers] == [kind]


def test_answers_name_the_packet_and_may_come_in_any_order() -> None:
    one = terminal()
    one.hello()
    one.position(SOUTH_WEST)
    one.backlog([SOUTH_WEST] * 2)
    one.heartbeat(None)

    def told(data: bytes) -> list[tuple[AnswerKind, int]]:
        return [(answer.kind, answer.serial) for answer in one.receive(data)]

    assert told(response(2, 0, 0)) == [(AnswerKind.ACKNOWLEDGED, 2)]
    assert told(response(3, 0)) == [(AnswerKind.BEAT, -1)]
    assert told(response(1, 132)) == [(AnswerKind.REJECTED, 1)]
    assert told(response(1, 0)) == []


def order(content: bytes) -> bytes:
    subrecord = b"\x33" + len(content).to_bytes(2, "little") + content
    head = len(subrecord).to_bytes(2, "little") + hexed("09 00 00 04 04")
    return whole(1, 5, head + subrecord)


@pytest.mark.parametrize(
    ("content", "kind", "confirmation"),
    [
        ("50 67 12 00 00 00 00 00 00 00 00 00 00 09 00 01 00", AnswerKind.COMMAND,
         "10 67 12 00 00 00 00 00 00 00 00 00 09 00"),
        ("50 67 12 00 00 00 00 00 00 00 00 00 01 0C 00", AnswerKind.LOCATE,
         "10 67 12 00 00 00 00 00 00 00 00 00 0C 00"),
        ("40 67 12 00 00 00 00 00 00 01 00 68 69", AnswerKind.COMMAND,
         "20 67 12 00 00 00 00 00 00 00"),
    ],
)  # fmt: skip
def test_commands_are_confirmed(content: str, kind: AnswerKind, confirmation: str) -> None:
    said = hexed(confirmation)
    data = (len(said) + 3).to_bytes(2, "little") + hexed("01 00 01 01 00 00 00 04 04 33")
    data += len(said).to_bytes(2, "little") + said
    taken = hexed("05 00 00 06 00 00 00 00 04 04 00 03 00 09 00 00")
    expected = Answer(kind, reply=whole(0, 0, taken) + whole(1, 1, data))
    for answers in three_ways(terminal, order(hexed(content))):
        assert [(one.kind, one.reply) for one in answers] == [(kind, expected.reply)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x02" + bytes(20),
        response(1, 0)[:-1] + b"\xff",
        whole(0, 0, b"\x01"),
        whole(1, 0, bytes(5)),
        order(bytes(3)),
    ],
)
def test_damage(data: bytes) -> None:
    assert {answer.kind for answer in terminal().receive(data)} == {AnswerKind.DAMAGED}


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2710)
