"""Ruptela beyond the transcripts: damage, long packets, datagrams, bounds, first bytes."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from fastcrc import crc16
from hypothesis import given, settings

from simulator.model import Fix
from simulator.protocols import ruptela as simulated
from tests.unit.protocols.simulated import (
    FIXES,
    HERE,
    Line,
    arrived,
    as_stated,
    check_answers,
    close,
    logged_in,
    ordered,
)
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Heartbeat, Login, Match, Notice, Positions, Refused, Reply
from tracker.protocols.ruptela import FAMILY, RuptelaDecoder, elements
from tracker.protocols.ruptela.wire import WORDS_MOST
from tracker.protocols.unanswered import UNANSWERED_MOST

IMEI = 356307042441013
# The sample of the protocol text.
RECORD = bytes.fromhex(
    "00300001440F32B2173501000167C2551700" "0043FC05B00D6F54C001F42328090024090701"
    "0501011D30D401410001E2400041F3"
)  # fmt: skip


def packet(command: int, payload: bytes = b"", length: int | None = None) -> bytes:
    body = struct.pack(">QB", IMEI, command) + payload
    stated = len(body) if length is None else length
    return struct.pack(">H", stated) + body + struct.pack(">H", crc16.kermit(body))


def record(count: int = 1) -> bytes:
    return RECORD[13:-2] * count


def named() -> RuptelaDecoder:
    decoder = RuptelaDecoder(new_session({"ident": str(IMEI)}))
    assert [type(item) for item in feed(decoder, packet(16))] == [Heartbeat]
    return decoder


def positions(items: list[object]) -> int:
    return [type(item) for item in items].count(Positions)


def test_the_frame_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(RECORD)):
        for value in {0, 1, 0x0F, 0x7F, 0xFF, RECORD[at] ^ 1} - {RECORD[at]}:
            items = feed(named(), RECORD[:at] + bytes((value,)) + RECORD[at + 1 :] + RECORD)
            assert isinstance(items[-1], Positions), (at, value)
            assert positions(items) == 1, (at, value)


def test_the_frame_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(RECORD)):
        for cut in (RECORD[:size], RECORD[size:]):
            items = feed(named(), cut + RECORD)
            assert isinstance(items[-1], Positions), size


def test_damaged_records_are_refused_once() -> None:
    damaged = RECORD[:30] + b"\x55" + RECORD[31:]
    answers = [item.answer for item in feed(named(), damaged) if isinstance(item, Refused)]
    assert answers == [bytes.fromhex("000264000235")]
    assert not [item for item in feed(named(), packet(16)[:-1] + b"\0") if hasattr(item, "answer")]


def test_the_longest_packet() -> None:
    count = 85
    (found,) = feed(named(), packet(1, bytes((0, count)) + record(count)), 1000)
    assert isinstance(found, Positions)
    assert len(found.fixes) == count
    assert found.answer == bytes.fromhex("0002640113BC")
    assert found.durable


def test_datagrams_do_not_run_into_each_other() -> None:
    decoder = RuptelaDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(RECORD[:40])
    assert {type(item) for item in drain(decoder)} == {DecodeError}
    assert decoder.buffered == 0
    decoder.receive_data(RECORD + packet(16))
    assert [type(item) for item in drain(decoder)] == [Login, Positions, Heartbeat]
    assert decoder.buffered == 0


def test_one_connection_may_carry_several_devices() -> None:
    other = struct.pack(">QB", 359099000000017, 16)
    other = struct.pack(">H", len(other)) + other + struct.pack(">H", crc16.kermit(other))
    items = feed(RuptelaDecoder(new_session()), RECORD + other + RECORD)
    assert [item.ident for item in items if isinstance(item, Login)] == [
        str(IMEI), "359099000000017", str(IMEI),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [None, 1, 7])
def test_words_longer_than_stated_end_where_their_crc_is_right(size: int | None) -> None:
    said = packet(7, b"SETIO configuration data ok", length=17)
    items = feed(named(), said + RECORD, size)
    assert [type(item) for item in items] == [Reply, Positions]
    assert isinstance(items[0], Reply)
    assert items[0].text == "SETIO configuration data ok"


def test_words_without_a_right_crc_are_not_waited_for_beyond_bounds() -> None:
    decoder = named()
    said = packet(7, b"x" * 300, length=17)[:-2] + b"zz"
    items = feed(decoder, said, 50)
    assert any(isinstance(item, DecodeError) for item in items)
    assert decoder.buffered <= WORDS_MOST
    assert isinstance(feed(decoder, RECORD)[-1], Positions)


def test_answers_find_the_oldest_command_of_their_kind() -> None:
    decoder = named()
    for reference in range(1, 4 * UNANSWERED_MOST):
        decoder.encode(Command(CommandKind.REBOOT, reference))
    first = 4 * UNANSWERED_MOST - UNANSWERED_MOST
    for reference in (first, first + 1):
        (reply,) = feed(decoder, packet(7, b"Resetting device"))
        assert isinstance(reply, Reply)
        assert reply.reference == reference


@pytest.mark.parametrize(
    "options", [{"ruptela_password": "a b"}, {"ruptela_cut_speed_kmh": 251},
                {"ruptela_cut_speed_kmh": "10"}]
)  # fmt: skip
def test_options_that_cannot_be(options: dict[str, object]) -> None:
    decoder = RuptelaDecoder(new_session({"ident": str(IMEI), "options": options}))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.ENGINE_CUT, 1))


def test_a_value_of_an_element_has_32_bits() -> None:
    with pytest.raises(CommandError):
        named().encode(Command(CommandKind.CUSTOM, 1, {"text": "setio 405,4294967296"}))


def test_a_part_without_its_first_one_is_a_record_of_its_own() -> None:
    place = RECORD[13 + 6 : 13 + 6 + 16]
    part = RECORD[13:17] + b"\0\x21\0" + place + b"\0\x07" + bytes(4)
    (found,) = feed(named(), packet(68, b"\0\2" + part + part))
    assert isinstance(found, Positions)
    assert len(found.fixes) == 1
    assert found.fixes[0].lat == 22.54


def test_alarm_names_are_in_the_table() -> None:
    assert {name for name, _ in elements.ALARMS.values()} <= ALARMS.keys()


@pytest.mark.parametrize("first", [RECORD, packet(15, bytes(22)), packet(16)])
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    for size in range(len(first)):
        assert FAMILY.probe(first[:size]) is Match.MORE, size
    damaged = bytes((first[0] ^ 0x80,)) + first[1:]
    assert FAMILY.probe(damaged) is not Match.YES
    assert FAMILY.probe(damaged + first) is Match.YES


def test_a_first_packet_longer_than_the_limit_decides_by_its_header() -> None:
    long = packet(68, bytes(700))
    assert FAMILY.probe(long[:256]) is Match.YES
    assert FAMILY.probe(b"\x01" + long[:255]) is Match.MORE
    for at in range(3, 11):  # a wrong check digit, a wrong range, an unknown command
        wrong = long[:at] + bytes((long[at] ^ 0x21,)) + long[at + 1 : 256]
        assert FAMILY.probe(wrong) is not Match.YES, at


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x0f356307042441013" + bytes(60),
        bytes(8) + b"\x00\x43\x08\x01" * 20,
        b"+RESP:GTFRI,060100,356307042441013,,1,20250301003015,11F0$",
        b"\x78\x78\x0d\x01\x03\x56\x30\x70\x42\x44\x10\x13\x00\x01\xd4\xa9\x0d\x0a" * 5,
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_a_simulated_device() -> None:
    line = Line(simulated.FAMILY)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login, Notice]
    check_answers(line)
    (first, second) = line.fixes(line.terminal.backlog([HERE, HERE]).data)
    assert first == second
    assert close(as_stated(first), simulated.FAMILY.stated(HERE))
    assert first.attributes["odometer_m"] == 12345


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    """Without satellites 0, 0 is no place."""
    arrived(simulated.FAMILY, dataclasses.replace(fix, satellites=max(1, fix.satellites)))


@pytest.mark.parametrize("kind", [*RuptelaDecoder.COMMANDS, None])
def test_commands_find_their_answers(kind: CommandKind | None) -> None:
    words = "setio 405,1" if kind is None else " version"
    ordered(logged_in(simulated.FAMILY), kind or CommandKind.CUSTOM, words)
