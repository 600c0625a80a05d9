"""Galileosky beyond the transcripts: every tag, damage, first bytes, bounds, commands."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.galileosky import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, HERE, Line, arrived, check_answers, ordered
from tests.unit.protocols.simulated import logged_in as simulated
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Heartbeat, Login, Match, Notice, Positions
from tracker.protocols.galileosky import FAMILY, GalileoskyDecoder
from tracker.protocols.galileosky.extended import SIZES as EXTENDED
from tracker.protocols.galileosky.packet import in_its_year, read_tags
from tracker.protocols.galileosky.tags import COUNTED, SIZES, STATED, UNKNOWN
from tracker.protocols.galileosky.wire import COMPRESSED, PHOTO, TAGS, pack

IMEI = b"356307042441013"
HEAD = pack(TAGS, b"\x01\x82\x02\x13\x03" + IMEI + b"\x04\x32\x00")
RECORD = (
    b"\x20\x17\x55\xc2\x67"
    b"\x30\x09" + struct.pack("<ii", 22_540_000, 114_059_000)
    + b"\x33" + struct.pack("<HH", 365, 900)
)  # fmt: skip
PACKET = pack(TAGS, RECORD)


def logged_in() -> GalileoskyDecoder:
    decoder = GalileoskyDecoder(new_session())
    assert [type(item) for item in feed(decoder, HEAD)] == [Login, Heartbeat]
    return decoder


def value(tag: int) -> bytes:
    """A value of a tag, of the right length and not zero."""
    if tag in COUNTED:
        return (3).to_bytes(COUNTED[tag], "little") + b"\x01\x02\x03"
    return bytes((7,)) * SIZES[tag]


OTHERS = [
    tag for tag in range(256) if SIZES[tag] != UNKNOWN and tag not in (0x03, 0x20, 0x30, 0x33)
]


@pytest.mark.parametrize("tag", OTHERS)
def test_the_place_behind_any_tag_is_read(tag: int) -> None:
    """Whatever a tag means, its length is right."""
    items = feed(logged_in(), pack(TAGS, bytes((tag,)) + value(tag) + RECORD))
    positions = items[-1]
    assert isinstance(positions, Positions)
    (fix,) = positions.fixes
    assert (fix.lat, fix.lon, fix.speed_kmh) == (22.54, 114.059, 36.5)
    json.dumps(dict(fix.attributes))


@pytest.mark.parametrize("tag", [tag for tag in range(256) if SIZES[tag] == UNKNOWN])
def test_a_tag_of_unknown_length_ends_the_reading(tag: int) -> None:
    positions, error = feed(logged_in(), pack(TAGS, RECORD + bytes((tag,)) + b"\x01\x02"))
    assert isinstance(positions, Positions)
    assert len(positions.fixes) == 1
    assert isinstance(error, DecodeError)
    assert error.kind == "field"


def test_sizes_of_extended_tags_are_all_used() -> None:
    """An extended tag is skipped by its length: the one behind all others is read."""
    content = b"".join(
        tag.to_bytes(2, "little") + bytes(size) for tag, size in EXTENDED.items() if tag != 0xFC
    )
    content += b"\xfc\x00\x0a"
    packet = read_tags(b"\xfe" + len(content).to_bytes(2, "little") + content)
    assert packet.records[0].attributes["event"] == 10
    assert "extension" not in packet.records[0].attributes


def test_an_unknown_extended_tag_is_kept() -> None:
    packet = read_tags(b"\xfe\x05\x00\x24\x27\x01\x02\x03" + RECORD)
    assert packet.records[0].attributes["extension"] == "2427010203"
    assert packet.records[0].lat == 22.54


def test_the_packet_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(PACKET)):
        for damaged_byte in {0, 1, 7, 8, 0xFF, PACKET[at] ^ 1} - {PACKET[at]}:
            damaged = PACKET[:at] + bytes((damaged_byte,)) + PACKET[at + 1 :]
            decoder = logged_in()
            items = feed(decoder, damaged + PACKET)
            # A length that promises more is believed until what it promises is there.
            items += feed(decoder, PACKET)
            assert [type(item) for item in items].count(Positions) >= 2, (at, damaged_byte)
            assert isinstance(items[-1], Positions)
            assert decoder.buffered == 0


def test_the_packet_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(PACKET)):
        for cut in (PACKET[:size], PACKET[size:]):
            decoder = logged_in()
            items = feed(decoder, cut + PACKET + PACKET)
            assert isinstance(items[-1], Positions), (size, cut == PACKET[:size])
            assert decoder.buffered == 0


def test_half_a_packet_after_a_long_silence_is_given_up() -> None:
    decoder = logged_in()
    assert feed(decoder, PACKET[:20]) == []
    decoder.session.now += GalileoskyDecoder.framing.patience_s + 1
    items = feed(decoder, b"\xaa" * 3)
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["timeout"]


def test_a_packet_inside_a_photograph_is_not_one() -> None:
    photo = pack(PHOTO, b"\x00" + PACKET + bytes(100))
    decoder = logged_in()
    (notice,) = feed(decoder, photo)
    assert isinstance(notice, Notice)
    assert notice.kind == "media"


@pytest.mark.parametrize("content", [bytes(10), bytes(10) + b"\x02\x41", bytes(10) + b"\x01\x41"])
def test_a_compressed_record_that_is_cut_off(content: bytes) -> None:
    whole = bytes(10) + b"\x00"
    items = feed(logged_in(), pack(COMPRESSED, whole + content))
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["length"]
    assert any(isinstance(item, Positions) and item.answer for item in items)


def test_years_of_compressed_records() -> None:
    new_year = 1_767_225_600.0  # 2026-01-01
    assert in_its_year(0, new_year) == new_year
    assert in_its_year(3600, new_year) == new_year + 3600
    assert in_its_year(364 * 86_400, new_year + 60) == new_year - 86_400
    assert in_its_year(200 * 86_400, new_year + 200 * 86_400) == new_year + 200 * 86_400


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_right_packets_of_any_content(data: st.DataObject) -> None:
    """A checksum says nothing about what is inside."""
    kind = data.draw(st.sampled_from([TAGS, COMPRESSED, PHOTO]))
    known = st.sampled_from([tag for tag in range(256) if SIZES[tag] > STATED])
    tags = data.draw(st.lists(known, max_size=8))
    content = b"".join(
        bytes((tag,)) + data.draw(st.binary(min_size=SIZES[tag], max_size=SIZES[tag]))
        for tag in tags
    )
    content += data.draw(st.sampled_from([b"", RECORD])) + data.draw(st.binary(max_size=30))
    decoder = logged_in()
    for item in feed(decoder, pack(kind, content or b"\x00")):
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert -180 <= fix.lon <= 180
        json.dumps(dict(getattr(item, "attributes", {})))


def test_first_bytes() -> None:
    assert FAMILY.probe(HEAD) is Match.YES
    for size in range(len(HEAD)):
        assert FAMILY.probe(HEAD[:size]) is Match.MORE, size
    assert FAMILY.probe(PACKET) is Match.YES


def test_a_long_first_packet_is_recognised_by_its_tags() -> None:
    long = pack(TAGS, (b"\x03" + IMEI + RECORD) * 12)
    assert FAMILY.probe(long[:18]) is Match.MORE
    assert FAMILY.probe(long[:19]) is Match.YES
    assert FAMILY.probe(long[:256]) is Match.YES
    nameless = pack(TAGS, RECORD * 20)
    assert FAMILY.probe(nameless[:256]) is not Match.YES
    strange = long[:19] + b"\xee" * 237
    assert FAMILY.probe(strange) is not Match.YES


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("010300010015D5C5"),  # Modbus: read 21 registers
        PACKET[:-1] + b"\x00",
        pack(TAGS, b"\xee\x01\x02"),
        bytes(40),
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data + bytes(64)) is not Match.YES


def test_a_command_needs_an_imei_and_a_stream() -> None:
    decoder = GalileoskyDecoder(new_session())
    with pytest.raises(CommandError, match="IMEI"):
        decoder.encode(Command(CommandKind.REBOOT, 1))
    by_udp = GalileoskyDecoder(new_session({"options": {"udp": True}, "ident": IMEI.decode()}))
    with pytest.raises(CommandError, match="TCP"):
        by_udp.encode(Command(CommandKind.REBOOT, 1))
    options = {"options": {"galileosky_output": 16}, "ident": IMEI.decode()}
    with pytest.raises(CommandError, match="galileosky_output"):
        GalileoskyDecoder(new_session(options)).encode(Command(CommandKind.ENGINE_CUT, 1))


def test_a_datagram_is_read_like_a_stream() -> None:
    decoder = GalileoskyDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(pack(TAGS, b"\x03" + IMEI + RECORD))
    assert [type(item) for item in drain(decoder)] == [Login, Positions]


def test_a_simulated_device_logs_in_reports_and_beats() -> None:
    line = Line(SIMULATED)
    assert [type(one) for one in line.carry(line.terminal.hello())] == [Login, Heartbeat]
    check_answers(line)
    stored = [fix.stored for fix in line.fixes(line.terminal.backlog([HERE] * 40).data)]
    assert stored == [False] * 16


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_simulated_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    assert arrived(SIMULATED, fix).ignition is fix.ignition


@pytest.mark.parametrize("kind", list(GalileoskyDecoder.COMMANDS))
def test_commands_find_their_answers(kind: CommandKind) -> None:
    ordered(simulated(SIMULATED), kind, "inall")
