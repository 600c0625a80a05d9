"""Teltonika beyond the transcripts: datagrams, damage, silence, bounds, first bytes."""

from __future__ import annotations

import struct

import pytest

from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Heartbeat, Login, Match, Notice, Positions, Refused, Reply
from tracker.protocols.teltonika import FAMILY, TeltonikaDecoder
from tracker.protocols.teltonika.wire import LENGTH_MOST, pack
from tracker.protocols.unanswered import UNANSWERED_MOST

IMEI = b"356307042441013"
LOGIN = b"\x00\x0f" + IMEI
RECORD = bytes.fromhex(  # 2025-03-01T00:30:15Z, 22.54, 114.059, 50 m, 90°, 9 satellites, 36 km/h
    "000001954F1C61D80043FC05B00D6F54C00032005A090024EF0402EF0115040142 30D4011000 01E24000"
)
PACKET = bytes.fromhex(  # the packet of this record in the maker's layout, CRC 5E6B
    "000000000000002D0801000001954F1C61D80043FC05B00D6F54C00032005A090024EF0402EF01150401"
    "4230D401100001E2400001 00005E6B"
)


def datagram(*records: bytes, packet_id: int = 0xCAFE, avl_id: int = 5) -> bytes:
    """Length, packet id, 01, AVL packet id, IMEI, codec 8."""
    body = packet_id.to_bytes(2, "big") + bytes((1, avl_id)) + LOGIN
    body += bytes((8, len(records))) + b"".join(records) + bytes((len(records),))
    return len(body).to_bytes(2, "big") + body


def logged_in() -> TeltonikaDecoder:
    decoder = TeltonikaDecoder(new_session())
    assert [type(item) for item in feed(decoder, LOGIN)] == [Login]
    return decoder


def by_udp() -> TeltonikaDecoder:
    return TeltonikaDecoder(new_session({"options": {"udp": True}}))


def test_a_datagram_names_its_device_and_is_acknowledged_under_its_ids() -> None:
    decoder = by_udp()
    login, positions = feed(decoder, datagram(RECORD))
    assert isinstance(login, Login)
    assert login.ident == IMEI.decode()
    assert login.answer == b""
    assert isinstance(positions, Positions)
    assert positions.answer == bytes.fromhex("0005 CAFE 01 05 01")
    assert positions.durable
    assert (positions.fixes[0].lat, positions.fixes[0].lon) == (22.54, 114.059)
    (again,) = feed(decoder, datagram(RECORD, RECORD, packet_id=7, avl_id=6))
    assert again.answer == bytes.fromhex("0005 0007 01 06 02")  # type: ignore[union-attr]
    assert decoder.buffered == 0


def test_datagrams_do_not_run_into_each_other() -> None:
    decoder = by_udp()
    whole = datagram(RECORD)
    decoder.receive_data(whole[:40])
    decoder.receive_data(whole)
    decoder.receive_data(whole + b"\x00")
    kinds = [item.kind if isinstance(item, DecodeError) else type(item) for item in drain(decoder)]
    assert kinds == ["length", Login, Positions, "length"]


@pytest.mark.parametrize(
    ("at", "value", "kind"),
    [(4, 2, "field"), (7, 14, "field"), (12, 0x41, "field"), (-1, 2, "length"), (24, 2, "length")],
)
def test_a_damaged_datagram_becomes_no_position(at: int, value: int, kind: str) -> None:
    damaged = bytearray(datagram(RECORD))
    damaged[at] = value
    items = feed(by_udp(), bytes(damaged))
    assert [item.kind for item in items if isinstance(item, DecodeError)] == [kind]
    assert not any(isinstance(item, Positions) for item in items)


def test_records_that_do_not_fill_a_datagram_are_refused_under_its_ids() -> None:
    body = datagram(RECORD)[2:]
    broken = body[:-1] + b"\x00\x00" + body[-1:]
    items = feed(by_udp(), len(broken).to_bytes(2, "big") + broken)
    assert [type(item) for item in items] == [Login, DecodeError, Refused]
    assert items[-1].answer == bytes.fromhex("0005 CAFE 01 05 00")  # type: ignore[union-attr]


def test_commands_are_not_sent_in_datagrams() -> None:
    decoder = by_udp()
    feed(decoder, datagram(RECORD))
    with pytest.raises(CommandError, match="TCP"):
        decoder.encode(Command(CommandKind.LOCATE, 1))


def test_the_packet_behind_any_damaged_byte_is_found() -> None:
    for at in range(len(PACKET)):
        for value in {0, 1, 0x0F, 0xFF, PACKET[at] ^ 1} - {PACKET[at]}:
            damaged = PACKET[:at] + bytes((value,)) + PACKET[at + 1 :]
            decoder = logged_in()
            items = feed(decoder, damaged + PACKET)
            assert [type(item) for item in items].count(Positions) == 1, (at, value)
            assert isinstance(items[-1], Positions)
            assert decoder.buffered == 0


def test_the_packet_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(PACKET)):
        for cut in (PACKET[:size], PACKET[size:]):
            decoder = logged_in()
            assert isinstance(feed(decoder, cut + PACKET)[-1], Positions), size
            assert decoder.buffered == 0


def test_garbage_in_front_of_a_login() -> None:
    decoder = TeltonikaDecoder(new_session())
    items = feed(decoder, b"\x01\x02\x03" + LOGIN + PACKET)
    assert [type(item) for item in items] == [DecodeError, Login, Positions]


def test_an_identity_that_is_not_digits_is_refused() -> None:
    decoder = TeltonikaDecoder(new_session())
    items = feed(decoder, b"\x00\x0f35630704244101X")
    assert {item.kind for item in items if isinstance(item, DecodeError)} == {"field"}
    assert decoder.session.ident is None


def test_fifteen_digits_inside_a_packet_are_no_login() -> None:
    """An element of fifteen digits looks like a login while the packet is incomplete."""
    head = RECORD[:24]
    elements = struct.pack(">HH", 0, 1) + bytes(8) + struct.pack(">HHH", 1, 900, 15) + IMEI
    packet = pack(b"\x8e\x01" + head + elements + b"\x01")
    decoder = logged_in()
    assert feed(decoder, packet[:-4]) == []
    (positions,) = feed(decoder, packet[-4:])
    assert isinstance(positions, Positions)
    assert positions.fixes[0].attributes["items"] == {"900": IMEI.hex()}


def test_a_length_is_bounded() -> None:
    decoder = logged_in()
    too_long = bytes(4) + (LENGTH_MOST + 1).to_bytes(4, "big")
    items = feed(decoder, too_long + b"\x08\x01" + bytes(200))
    assert items
    assert all(isinstance(item, DecodeError) for item in items)
    assert feed(decoder, PACKET)[-1].fixes  # type: ignore[union-attr]


def test_half_a_packet_after_a_long_silence_is_given_up() -> None:
    decoder = logged_in()
    assert feed(decoder, PACKET[:30]) == []
    decoder.session.now += TeltonikaDecoder.framing.patience_s + 1
    items = feed(decoder, b"\xaa" * 10)
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["timeout"]


def test_a_ping_is_life_and_nothing_else() -> None:
    decoder = logged_in()
    items = feed(decoder, b"\xff\xff" + PACKET + b"\xff")
    assert [type(item) for item in items] == [Heartbeat, Heartbeat, Positions, Heartbeat]
    assert [item.answer for item in items if isinstance(item, Heartbeat)] == [b"", b"", b""]


def test_a_session_that_knows_its_device_needs_no_login() -> None:
    decoder = TeltonikaDecoder(new_session({"ident": IMEI.decode()}))
    assert [type(item) for item in feed(decoder, PACKET)] == [Positions]


def test_unanswered_commands_are_bounded_and_the_oldest_are_forgotten() -> None:
    decoder = logged_in()
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    answer = pack(b"\x0c\x01\x06\x00\x00\x00\x02OK\x01")
    references = [
        item.reference
        for item in feed(decoder, answer * UNANSWERED_MOST)
        if isinstance(item, Reply)
    ]
    assert references == list(range(3, UNANSWERED_MOST + 3))
    assert [type(item) for item in feed(decoder, answer)] == [Notice]


@pytest.mark.parametrize(
    "first",
    [LOGIN, b"\x00\x10" + IMEI + b"0", PACKET, datagram(RECORD)],
    ids=["login", "login of 16", "packet", "datagram"],
)
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    assert FAMILY.probe(first + b"\x00\x01") is Match.YES or first[4] == 1


def test_a_login_is_recognised_with_its_last_byte() -> None:
    for size in range(len(LOGIN)):
        assert FAMILY.probe(LOGIN[:size]) is Match.MORE, size


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x0f35630704244101X",
        b"\x00\x0e35630704244101",
        b"\x00\x00\x00\x00\x00\x00\x00\x2d\x09\x01",
        b"\x00\x00\x00\x00\x00\x01\x00\x00\x08\x01",
        PACKET[:-1] + b"\x00",
        datagram(RECORD).replace(IMEI, b"35630704244101X"),
        bytes(64),
        b"#L#356307042441013;NA\r\n",
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO
