"""EGTS beyond the transcripts: damage, first bytes, numbers, bounds, commands and answers."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.egts import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, HERE, Line, arrived, check_answers, ordered
from tests.unit.protocols.simulated import logged_in as simulated
from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Aside, Heartbeat, Login, Match, Positions, Refused
from tracker.protocols.egts import FAMILY, EgtsDecoder
from tracker.protocols.egts.wire import (
    APPDATA,
    RESPONSE,
    TELEDATA,
    UNANSWERED_MOST,
    Link,
    pack,
    records,
    subrecord,
    subrecords,
    unpack,
)

POSITION = bytes.fromhex(  # of object 100001 in a packet with id 1 and a record with number 1
    "0100000B00 2300 0100 01 DF 1800 0100 01 A1860100 0202 101500"
    "171A851C 8A201D40 549D37A2 01 6801 5A D20400 01 00 A28A"
)


def with_number(number: int, record: int) -> bytes:
    """The same position under other numbers."""
    content = unpack(POSITION).data[11:]
    head = struct.pack("<HHBI", len(content), record, 1, 100_001)
    return pack(APPDATA, number, head + bytes((2, 2)) + content)


def results(answer: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """What an answer says: id of the packet, result, number and result of each record."""
    packet = unpack(answer)
    assert packet.kind == RESPONSE
    number, result = struct.unpack_from("<HB", packet.data)
    said = []
    for record in records(packet.data[3:]):
        ((kind, content),) = subrecords(record.content)
        assert kind == 0
        said.append((int.from_bytes(content[:2], "little"), content[2]))
    return number, result, said


def logged_in() -> EgtsDecoder:
    decoder = simulated(SIMULATED).decoder
    assert isinstance(decoder, EgtsDecoder)
    return decoder


def test_the_first_answer_to_a_position() -> None:
    login, positions = feed(EgtsDecoder(new_session()), POSITION)
    assert isinstance(login, Login)
    assert results(login.refusal) == (1, 0, [(1, 151)])
    assert isinstance(positions, Positions)
    assert results(positions.answer) == (1, 0, [(1, 0)])


def test_our_numbers_go_on_and_start_again_at_zero() -> None:
    link = Link(new_session())
    link.numbers = (0xFFFF, 0xFFFF)
    packet = unpack(with_number(7, 8))
    (record,) = records(packet.data)
    first, second = link.response(packet, [(record, 0)]), link.response(packet, [(record, 0)])
    assert first[7:9] == b"\xff\xff"
    assert second[7:9] == b"\x00\x00"
    assert first[16:18] == b"\xff\xff"
    assert second[16:18] == b"\x00\x00"


def test_the_packet_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(POSITION)):
        for value in {0, 1, 0x0B, 0xFF, POSITION[at] ^ 1} - {POSITION[at]}:
            damaged = POSITION[:at] + bytes((value,)) + POSITION[at + 1 :]
            decoder = EgtsDecoder(new_session())
            items = feed(decoder, damaged + POSITION)
            assert [type(item) for item in items].count(Positions) == 1, (at, value)
            assert isinstance(items[-1], Positions)
            assert decoder.buffered == 0


def test_damaged_data_behind_a_right_header_is_told_to_its_sender() -> None:
    error, refused = feed(logged_in(), POSITION[:-1] + b"\x00")
    assert isinstance(error, DecodeError)
    assert isinstance(refused, Refused)
    assert results(refused.answer) == (1, 138, [])


def test_the_packet_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(POSITION)):
        for cut in (POSITION[:size], POSITION[size:]):
            decoder = logged_in()
            assert isinstance(feed(decoder, cut + POSITION)[-1], Positions), size
            assert decoder.buffered == 0


def test_the_object_of_a_terminal_without_a_number_is_the_terminal() -> None:
    identity = struct.pack("<IB", 0, 2) + b"356307042441013"
    head = struct.pack("<HHB", len(identity) + 3, 0, 0) + b"\x01\x01"
    decoder = EgtsDecoder(new_session())
    (login,) = feed(decoder, pack(APPDATA, 0, head + subrecord(1, identity)))
    assert isinstance(login, Login)
    assert login.ident == "356307042441013"
    assert [type(item) for item in feed(decoder, POSITION)] == [Positions]


def test_another_object_behind_an_authenticated_device_is_another_device() -> None:
    decoder = logged_in()
    home = decoder.session.ident
    login, _ = feed(decoder, POSITION)
    assert isinstance(login, Login)
    assert (login.ident, decoder.session.ident) == ("100001", "100001")
    assert decoder.link.home == home


@pytest.mark.parametrize("imei", [b"000000000000000", b"35630704244101X", b"\x00" * 15])
def test_what_is_no_imei_is_not_the_identity(imei: bytes) -> None:
    identity = struct.pack("<IB", 77, 2) + imei
    head = struct.pack("<HHB", len(identity) + 3, 0, 0) + b"\x01\x01"
    decoder = EgtsDecoder(new_session())
    feed(decoder, pack(APPDATA, 0, head + subrecord(1, identity)))
    assert decoder.session.ident == "77"


def test_an_answer_before_the_login_is_nothing() -> None:
    decoder = EgtsDecoder(new_session())
    assert feed(decoder, pack(RESPONSE, 0, b"\x00\x00\x00")) == []
    (aside,) = feed(decoder, pack(APPDATA, 0, b""))
    assert isinstance(aside, Aside)


def test_unanswered_commands_are_bounded_and_the_oldest_are_forgotten() -> None:
    decoder = logged_in()
    _, first = decoder.link.numbers
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    found = [decoder.link.asked.answered(first + at) for at in range(UNANSWERED_MOST + 2)]
    assert found == [None, None, *range(3, UNANSWERED_MOST + 3)]
    assert decoder.link.asked.answered(first + 5) is None


def test_commands_are_not_sent_in_datagrams() -> None:
    decoder = EgtsDecoder(new_session({"options": {"udp": True}}))
    with pytest.raises(CommandError, match="TCP"):
        decoder.encode(Command(CommandKind.LOCATE, 1))


@pytest.mark.parametrize("number", [0, 17, "one"])
def test_an_output_must_exist(number: object) -> None:
    decoder = EgtsDecoder(new_session({"options": {"egts_output": number}}))
    with pytest.raises(CommandError, match="egts_output"):
        decoder.encode(Command(CommandKind.ENGINE_CUT, 1))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_right_packets_of_any_content(data: st.DataObject) -> None:
    """Two checksums say nothing about what is inside; every record has its answer."""
    body = b""
    numbers = []
    for number in range(data.draw(st.integers(1, 4))):
        content = b"".join(
            subrecord(data.draw(st.integers(0, 30)), data.draw(st.binary(max_size=40)))
            for _ in range(data.draw(st.integers(1, 3)))
        )
        service = data.draw(st.sampled_from([1, 2, 4, 9, 10, 33]))
        head = struct.pack("<HHBI", len(content), number, 1, 100_001)
        body += head + bytes((service, service)) + content
        numbers += [number] if content[0] else []
    items = feed(EgtsDecoder(new_session()), pack(APPDATA, 3, body))
    answers = [item.answer for item in items if not isinstance(item, DecodeError) and item.answer]
    assert len(answers) == 1
    whole = 11 + int.from_bytes(answers[0][5:7], "little") + 2
    _, result, told = results(answers[0][:whole])
    assert result == 0
    assert [number for number, _ in told] == numbers
    for item in items:
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert 0 <= fix.course_deg < 360
        json.dumps(dict(getattr(item, "attributes", {})))


def test_first_bytes() -> None:
    assert FAMILY.probe(POSITION) is Match.YES
    for size in range(len(POSITION)):
        assert FAMILY.probe(POSITION[:size]) is Match.MORE, size
    header_only = pack(APPDATA, 0, b"")
    assert FAMILY.probe(header_only) is not Match.YES


def test_a_long_first_packet_is_recognised_by_its_header() -> None:
    content = subrecord(16, bytes(21)) + subrecord(99, bytes(400))
    head = struct.pack("<HHBI", len(content), 0, 1, 5)
    long = pack(APPDATA, 0, head + bytes((TELEDATA, TELEDATA)) + content)
    assert FAMILY.probe(long[:256]) is Match.YES
    strange = pack(APPDATA, 0, head + bytes((77, 77)) + content)
    assert FAMILY.probe(strange[:256]) is not Match.YES


@pytest.mark.parametrize("data", [POSITION[:-1] + b"\x00", bytes(64), b"\x01" * 64])
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data + bytes(64)) is not Match.YES


def test_a_simulated_device_logs_in_reports_and_beats() -> None:
    line = Line(SIMULATED)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login]
    check_answers(line)
    stored = [fix.stored for fix in line.fixes(line.terminal.backlog([HERE] * 40).data)]
    assert stored == [True] * 20
    assert [type(one) for one in line.carry(line.terminal.heartbeat(HERE))] == [Heartbeat]


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_simulated_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    assert arrived(SIMULATED, fix).altitude_m == round(fix.altitude_m)


@pytest.mark.parametrize("kind", list(EgtsDecoder.COMMANDS))
def test_commands_find_their_answers(kind: CommandKind) -> None:
    assert ordered(simulated(SIMULATED), kind, "hello").success is True
