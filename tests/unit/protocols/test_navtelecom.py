"""Navtelecom beyond the transcripts: every field, damage, first bytes, bounds, commands."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.navtelecom import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, HERE, Line, arrived, check_answers, ordered
from tests.unit.protocols.simulated import logged_in as simulated
from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Heartbeat, Login, Match, Notice, Positions, Reply
from tracker.protocols.navtelecom import FAMILY, NavtelecomDecoder
from tracker.protocols.navtelecom.fields import CODES, FIELDS, NUMBERS, READERS, SIZES
from tracker.protocols.navtelecom.formats import FORMATS
from tracker.protocols.navtelecom.layout import Layout, agreed
from tracker.protocols.navtelecom.messages import PACKET_FIELDS
from tracker.protocols.navtelecom.wire import FLEX_MOST, flex, pack
from tracker.protocols.unanswered import UNANSWERED_MOST

IMEI = b"356307042441013"
HELLO = pack(1, 0, b"*>S:" + IMEI)
PLACED = (3, 8, 9, 10, 11)
RECORD = struct.pack("<IBIii", 1_740_789_017, 0x27, 1_740_789_015, 13_524_000, 68_435_400)
MESSAGE = flex(b"~A\x01" + RECORD)


def agreement(fields: tuple[int, ...], count: int = FIELDS) -> bytes:
    bits = bytearray((count + 7) // 8)
    for field in fields:
        bits[(field - 1) // 8] |= 0x80 >> ((field - 1) % 8)
    return pack(1, 0, b"*>FLEX\xb0\x1e\x1e" + bytes((count,)) + bytes(bits))


def agreed_on(fields: tuple[int, ...]) -> NavtelecomDecoder:
    decoder = NavtelecomDecoder(new_session())
    items = feed(decoder, HELLO + agreement(fields))
    assert [type(item) for item in items] == [Login, Heartbeat]
    return decoder


def test_every_field_that_is_unpacked_has_a_meaning() -> None:
    assert CODES.keys() <= NUMBERS.keys() | READERS.keys()
    assert NUMBERS.keys().isdisjoint(READERS)
    assert all(struct.calcsize("<" + code) == SIZES[field] for field, code in CODES.items())
    assert set(SIZES) == set(range(1, FIELDS + 1))
    assert sum(SIZES[field] for field in range(1, 70)) == 146
    assert sum(SIZES[field] for field in range(1, 123)) == 404
    assert sum(SIZES.values()) == 734


@pytest.mark.parametrize("field", [field for field in SIZES if field > 11])
def test_any_field_beside_a_place(field: int) -> None:
    """Whatever it is, the place in front of it and the next record behind it are read."""
    decoder = agreed_on((*PLACED, field))
    for filler in (0x00, 0x07, 0xFF):
        record = RECORD + bytes((filler,)) * SIZES[field]
        (positions,) = feed(decoder, flex(b"~A\x02" + record * 2))
        assert isinstance(positions, Positions)
        assert [(fix.lat, fix.lon) for fix in positions.fixes] == [(22.54, 114.059)] * 2
        json.dumps(dict(positions.fixes[0].attributes), allow_nan=False)


def test_a_layout_of_all_fields() -> None:
    layout = agreed(FIELDS, b"\xff" * 32)
    assert layout.fields == tuple(range(1, FIELDS + 1))
    assert layout.size == sum(SIZES.values())
    assert layout.read(bytes(layout.size), 0).lat == 0.0


def test_a_mask_may_be_longer_than_its_fields_and_not_shorter() -> None:
    assert agreed(8, b"\x81\x00").fields == (1, 8)
    with pytest.raises(DecodeError, match="2 bytes for 17 fields"):
        agreed(17, b"\xff\xff")
    with pytest.raises(DecodeError, match="without fields"):
        agreed(8, b"\x00\xff")


def test_fields_may_be_agreed_on_anew() -> None:
    decoder = agreed_on(PLACED)
    assert isinstance(feed(decoder, MESSAGE)[-1], Positions)
    feed(decoder, agreement((*PLACED, 12)))
    (positions,) = feed(decoder, flex(b"~A\x01" + RECORD + struct.pack("<i", 500)))
    assert isinstance(positions, Positions)
    assert positions.fixes[0].altitude_m == 50.0


def test_flex_before_the_agreement_is_skipped_and_not_guessed() -> None:
    decoder = NavtelecomDecoder(new_session())
    login, error = feed(decoder, HELLO + MESSAGE)
    assert isinstance(login, Login)
    assert isinstance(error, DecodeError)
    assert error.kind == "length"
    assert decoder.buffered == 0
    items = feed(decoder, agreement(PLACED) + MESSAGE)
    assert [type(item) for item in items] == [Heartbeat, Positions]


def test_the_fixed_part_of_a_packet_has_fields_of_records() -> None:
    assert Layout(list(PACKET_FIELDS)).size == 37


@pytest.mark.parametrize("kind", FORMATS)
def test_records_of_every_fixed_format_follow_each_other(kind: int) -> None:
    head = struct.pack("<BIH6sBBB", kind, 5, 1, bytes((0, 30, 15, 1, 2, 25)), 0, 0, 9)
    record = head + bytes(FORMATS[kind].layout.size)
    decoder = NavtelecomDecoder(new_session())
    items = feed(decoder, HELLO + pack(1, 0, b"*>A\x03" + record * 3))
    assert [type(item) for item in items] == [Login, Notice, Notice, Notice, Positions]
    assert items[-1].answer == pack(0, 1, b"*<A\x03")  # type: ignore[union-attr]


def test_the_message_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(MESSAGE)):
        for value in {0, 1, 0x40, 0x7E, 0x7F, 0xFF, MESSAGE[at] ^ 1} - {MESSAGE[at]}:
            damaged = MESSAGE[:at] + bytes((value,)) + MESSAGE[at + 1 :]
            decoder = agreed_on(PLACED)
            items = feed(decoder, damaged + MESSAGE)
            assert isinstance(items[-1], Positions), (at, value)
            assert decoder.buffered == 0


def test_the_message_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(MESSAGE)):
        for cut in (MESSAGE[:size], MESSAGE[size:]):
            decoder = agreed_on(PLACED)
            assert isinstance(feed(decoder, cut + MESSAGE)[-1], Positions), size
            assert decoder.buffered == 0


def test_pings_between_messages() -> None:
    decoder = agreed_on(PLACED)
    items = feed(decoder, b"\x7f" + MESSAGE + b"\x7f\x7f")
    assert [type(item) for item in items] == [Heartbeat, Positions, Heartbeat, Heartbeat]


def test_a_packet_with_a_false_length() -> None:
    decoder = agreed_on(PLACED)
    (error,) = feed(decoder, flex(b"~X\x01\x00\x00\x00\x03\x00\x0a\x25\x00"))
    assert isinstance(error, DecodeError)
    assert error.kind == "length"


@pytest.mark.parametrize("ident", [b"1234567", b"35630704244101 3", b"", b"\xff" * 15])
def test_what_is_no_identity(ident: bytes) -> None:
    decoder = NavtelecomDecoder(new_session())
    (error,) = feed(decoder, pack(1, 0, b"*>S:" + ident))
    assert isinstance(error, DecodeError)
    assert decoder.session.ident is None


def test_unanswered_commands_are_bounded_and_the_oldest_are_forgotten() -> None:
    decoder = agreed_on(PLACED)
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    items = feed(decoder, pack(1, 0, b"*@A OK") * (UNANSWERED_MOST + 1))
    references = [item.reference for item in items if isinstance(item, Reply)]
    assert references == [*range(3, UNANSWERED_MOST + 3), None]


def test_commands_that_cannot_be_sent() -> None:
    decoder = NavtelecomDecoder(new_session({"options": {"navtelecom_output": 5}}))
    with pytest.raises(CommandError, match="navtelecom_output"):
        decoder.encode(Command(CommandKind.ENGINE_CUT, 1))
    decoder = NavtelecomDecoder(new_session({"options": {"udp": True}}))
    with pytest.raises(CommandError, match="TCP"):
        decoder.encode(Command(CommandKind.LOCATE, 1))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_right_messages_of_any_content(data: st.DataObject) -> None:
    """A checksum says nothing about what is inside."""
    fields = tuple(sorted(data.draw(st.sets(st.integers(1, FIELDS), min_size=1, max_size=40))))
    decoder = agreed_on(fields)
    size = sum(SIZES[field] for field in fields)
    count = data.draw(st.integers(0, 3))
    content = data.draw(st.binary(min_size=size * count, max_size=size * count))
    body = (
        b"*>" + data.draw(st.sampled_from([b"T", b"A", b"F"])) + data.draw(st.binary(max_size=99))
    )
    for item in feed(decoder, flex(b"~A" + bytes((count,)) + content) + pack(1, 0, body)):
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            json.dumps(dict(fix.attributes), allow_nan=False)
        json.dumps(dict(getattr(item, "attributes", {})), allow_nan=False)


def test_first_bytes() -> None:
    assert FAMILY.probe(HELLO) is Match.YES
    for size in range(len(HELLO)):
        assert FAMILY.probe(HELLO[:size]) is Match.MORE, size
    assert FAMILY.probe(b"\x00\x01" + HELLO) is Match.YES


@pytest.mark.parametrize(
    "data", [HELLO[:-1] + b"X", b"@NTC" + bytes(60), MESSAGE, b"@NTX" + bytes(60), b"@" * 70]
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data + bytes(64)) is not Match.YES


def test_a_simulated_device_logs_in_reports_and_beats() -> None:
    line = Line(SIMULATED)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login, Heartbeat]
    check_answers(line)
    assert len(line.fixes(line.terminal.backlog([HERE] * 40).data)) == 20
    assert [type(one) for one in line.carry(line.terminal.heartbeat(HERE))] == [Heartbeat]


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_simulated_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    assert arrived(SIMULATED, fix).ignition is fix.ignition


@pytest.mark.parametrize("kind", list(NavtelecomDecoder.COMMANDS))
def test_commands_find_their_answers(kind: CommandKind) -> None:
    assert ordered(simulated(SIMULATED), kind, "*!2Y").success is True


def test_a_message_that_states_megabytes_is_not_waited_for() -> None:
    decoder = agreed_on(PLACED)
    endless = b"~E\xff" + (b"\xff\xff" + bytes(65_535)) * 3
    for at in range(0, len(endless), 4_096):
        feed(decoder, endless[at : at + 4_096])
        assert decoder.buffered <= FLEX_MOST + 4_096
