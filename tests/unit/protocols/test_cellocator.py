"""Cellocator beyond the transcripts: damage, sizes, datagrams, numerators, first bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings

from simulator.model import Fix
from simulator.protocols import cellocator as simulated
from tests.unit.protocols.simulated import (
    FIXES,
    HERE,
    Line,
    arrived,
    check_answers,
    logged_in,
    ordered,
)
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Heartbeat, Login, Match, Notice, Positions, Reply
from tracker.protocols.cellocator import FAMILY, CellocatorDecoder, reasons
from tracker.protocols.cellocator.wire import FRAME_MOST, NUMERATORS

UNIT = 204583


def framed(body: bytes, mark: bytes = b"MCGP") -> bytes:
    return mark + body + bytes((sum(body) % 256,))


STATUS = framed(
    struct.pack("<BIHB", 0, UNIT, 0x08, 0x31)
    + bytes((31, 32, 4, 0, 0, 0, 44, 0, 0x20, 0x80, 0, 0, 0, 107, 245, 3, 4))
    + (1234).to_bytes(3, "little") + bytes(9) + bytes((4, 2, 9))
    + struct.pack("<iiiIH5BH", 199070509, 39339721, 5000, 1000, 1571, 15, 30, 0, 1, 3, 2025)
)  # fmt: skip


def modules(content: bytes, numerator: int = 7) -> bytes:
    size = 4 + len(content)
    return framed(struct.pack("<BIHBBH", 11, UNIT, 0x1648, numerator, 0, size) + bytes(4) + content)


def named() -> CellocatorDecoder:
    decoder = CellocatorDecoder(new_session({"ident": str(UNIT)}))
    assert [type(item) for item in feed(decoder, STATUS)] == [Positions]
    return decoder


def test_the_frame_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(STATUS)):
        for value in {0, 1, 9, 0x4D, 0x50, 0xFF, STATUS[at] ^ 1} - {STATUS[at]}:
            items = feed(named(), STATUS[:at] + bytes((value,)) + STATUS[at + 1 :] + STATUS)
            assert isinstance(items[-1], Positions), (at, value)
            # The sum is from behind the mark, whose last letter is one of several.
            assert [type(item) for item in items].count(Positions) == 1 or at == 3, (at, value)


def test_the_frame_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(STATUS)):
        for cut in (STATUS[:size], STATUS[size:]):
            assert isinstance(feed(named(), cut + STATUS)[-1], Positions), size


@pytest.mark.parametrize(
    ("kind", "size"), [(0, 70), (3, 31), (7, 70), (8, 19 + 260), (9, 15 + 9), (11, 16 + 300)]
)
def test_sizes_of_all_types(kind: int, size: int) -> None:
    body = bytearray(size - 5)
    body[0], body[1:5] = kind, UNIT.to_bytes(4, "little")
    if kind == 8:
        body[12:14] = (260).to_bytes(2, "little")
    elif kind == 9:
        body[9] = 9
    elif kind == 11:
        body[9:11] = (300).to_bytes(2, "little")
    items = feed(named(), framed(bytes(body)) + STATUS, 11)
    assert isinstance(items[-1], Positions)
    assert items[0].answer[5:9] == body[1:5]  # type: ignore[union-attr]


def test_a_length_beyond_bounds_is_no_frame() -> None:
    decoder = named()
    head = b"MCGP" + struct.pack("<BIHBBH", 11, UNIT, 0, 1, 0, FRAME_MOST)
    items = feed(decoder, head + bytes(100) + STATUS)
    assert [type(item) for item in items] == [DecodeError, Positions]


def test_datagrams_do_not_run_into_each_other() -> None:
    decoder = CellocatorDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(STATUS[:50])
    assert [type(item) for item in drain(decoder)] == [DecodeError]
    decoder.receive_data(STATUS + modules(b""))
    assert [type(item) for item in drain(decoder)] == [Login, Positions, Heartbeat]
    assert decoder.buffered == 0


def test_a_length_that_is_too_long_within_a_module_costs_only_its_frame() -> None:
    items = feed(named(), modules(b"\x02\x09\x00" + struct.pack("<HIBH", 1, 2, 1, 3)) + STATUS)
    assert [type(item) for item in items] == [Heartbeat, DecodeError, Positions]


def test_numerators_go_round_and_an_overwritten_one_is_forgotten() -> None:
    decoder = named()
    numbers = [
        decoder.encode(Command(CommandKind.LOCATE, reference))[9]
        for reference in range(1, NUMERATORS + 3)
    ]
    assert numbers[:2] == [1, 2]
    assert numbers[-2:] == [1, 2]
    body = bytearray(STATUS[4:-1])
    body[5], body[7] = 0x09, 1
    answered = framed(bytes(body))
    reply, again = feed(decoder, answered + answered)
    assert isinstance(reply, Reply)
    assert reply.reference == NUMERATORS + 1
    assert reply.answer[15] == 1
    assert isinstance(again, Positions)


def test_the_example_of_the_protocol_text() -> None:
    """Emergency mode: twice, five seconds apart."""
    session = new_session({"ident": "331", "options": {"cellocator_code": 0xDDDDDF6E}})
    decoder = CellocatorDecoder(session)
    feed(decoder, framed(b"\0" + (331).to_bytes(4, "little") + STATUS[9:-1]))
    order = Command(CommandKind.CUSTOM, 1, {"text": "02 01 00 02 05"})
    for _ in range(28):
        frame = decoder.encode(order)
    stated = "4D434750004B0100001C6EDFDDDD020201010000020500007C"
    assert frame.hex().upper() == stated


@pytest.mark.parametrize(
    "options", [{"cellocator_output": 16}, {"cellocator_output": True}, {"cellocator_code": -1}]
)
def test_options_that_cannot_be(options: dict[str, object]) -> None:
    decoder = CellocatorDecoder(new_session({"options": options}))
    feed(decoder, STATUS)
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.ENGINE_CUT, 1))


def test_alarm_names_are_in_the_table() -> None:
    assert set(reasons.ALARMS.values()) <= ALARMS.keys()


@pytest.mark.parametrize(
    "first", [STATUS, modules(b"\x07\x07\x00" + bytes(7)), b"MCGS" + STATUS[4:]]
)
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    for size in range(len(first)):
        assert FAMILY.probe(first[:size]) is Match.MORE, size
    assert FAMILY.probe(b"X" + first[1:] + first) is Match.YES


def test_a_first_frame_longer_than_the_limit_decides_by_its_header() -> None:
    assert (
        FAMILY.probe(modules(b"\x02" + (400).to_bytes(2, "little") + bytes(400))[:256]) is Match.YES
    )


@pytest.mark.parametrize("data", [b"MCGP says hello to you", STATUS[:-1] + b"\0" + bytes(200)])
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_a_simulated_unit() -> None:
    line = Line(simulated.FAMILY)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login, Heartbeat]
    check_answers(line)
    (found,) = line.fixes(line.terminal.backlog([HERE]).data)
    assert found.attributes["logged"]
    assert found.ignition


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    arrived(simulated.FAMILY, fix)


@pytest.mark.parametrize("kind", CellocatorDecoder.COMMANDS)
def test_commands_find_their_answers(kind: CommandKind) -> None:
    line = logged_in(simulated.FAMILY)
    line.carry(line.terminal.position(HERE).data)
    assert ordered(line, kind, "03 14").fixes


def test_messages_that_are_not_decoded_are_acknowledged() -> None:
    (kept,) = feed(named(), framed(struct.pack("<BIHB", 3, UNIT, 0, 9) + bytes(18)))
    assert isinstance(kept, Notice)
    assert kept.answer[15] == 9
