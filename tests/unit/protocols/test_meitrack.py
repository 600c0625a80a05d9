"""Meitrack beyond the transcripts: datagrams, damage, flags of commands, first bytes."""

from __future__ import annotations

import struct

import pytest

from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.alarms import ALARMS
from tracker.protocols.base import Login, Match, Positions, Reply
from tracker.protocols.meitrack import FAMILY, MeitrackDecoder
from tracker.protocols.meitrack import events as meitrack_events
from tracker.protocols.meitrack.wire import FRAME_MOST, TEXT_MOST

IDENT = "356307042441013"
REPORT = (
    b"$$A157,356307042441013,AAA,35,22.540000,114.059000,250301003015,A,9,25,36,90,0.9,50,123456,"
    b"7890,460|0|287D|1FB8,0400,0000|0000|0000|019A|04E2,00000001,,3,0000*2D\r\n"
)


def frame(words: bytes, flag: bytes = b"A", ident: str = IDENT) -> bytes:
    content = f",{ident},".encode() + words + b"*"
    head = b"$$" + flag + str(len(content) + 4).encode() + content
    return head + f"{sum(head) % 256:02X}\r\n".encode()


def record(event: int = 35, lat: int = 22_540_000) -> bytes:
    return struct.pack(
        "<BiiIBBBHHHhIIHHHHHHHHI",
        event, lat, 114_059_000, 1_740_789_015 - 946_684_800, 1, 9, 25, 36, 90, 9, 50,
        123_456, 7890, 460, 0, 10365, 8120, 0, 0, 410, 1250, 0,
    )  # fmt: skip


BATCH = frame(b"CCC,\x02\x01" + struct.pack("<HI", 52, 1) + record())


def named() -> MeitrackDecoder:
    decoder = MeitrackDecoder(new_session({"ident": IDENT}))
    assert [type(item) for item in feed(decoder, REPORT)] == [Positions]
    return decoder


@pytest.mark.parametrize("sent", [REPORT, BATCH], ids=["text", "binary"])
def test_the_frame_behind_any_damaged_byte_is_found(sent: bytes) -> None:
    for at in range(len(sent)):
        for value in {0, 0x0D, 0x24, 0x2C, 0x39, 0xFF, sent[at] ^ 1} - {sent[at]}:
            decoder = named()
            items = feed(decoder, sent[:at] + bytes((value,)) + sent[at + 1 :] + sent)
            assert isinstance(items[-1], Positions), (at, value)
            # The sum does not say where a byte was, but one changed byte never adds up to it. The
            # length of a text frame is not looked at, and small letters do no harm to a sum.
            assert [type(item) for item in items].count(Positions) == 1 or at in (3, 4, 5), at


@pytest.mark.parametrize("sent", [REPORT, BATCH], ids=["text", "binary"])
def test_the_frame_behind_a_truncated_one_is_found(sent: bytes) -> None:
    for size in range(1, len(sent)):
        for cut in (sent[:size], sent[size:]):
            assert isinstance(feed(named(), cut + sent)[-1], Positions), size


def test_datagrams_do_not_run_into_each_other() -> None:
    decoder = MeitrackDecoder(new_session({"options": {"udp": True}}))
    decoder.receive_data(REPORT[:80])
    assert [type(item) for item in drain(decoder)] == [DecodeError]
    decoder.receive_data(REPORT + BATCH)
    assert [type(item) for item in drain(decoder)] == [Login, Positions, Positions]


def test_a_text_frame_without_end_is_not_waited_for_beyond_bounds() -> None:
    decoder = named()
    items = feed(decoder, b"$$A999,356307042441013,AAA," + b"1" * TEXT_MOST, 100)
    assert any(isinstance(item, DecodeError) for item in items)
    assert decoder.buffered < TEXT_MOST
    assert isinstance(feed(decoder, REPORT)[-1], Positions)


def test_the_longest_batch() -> None:
    records = b"".join(record(lat=at) for at in range(191))
    sent = frame(b"CCC,\x02\x01" + struct.pack("<HI", 52, 191) + records)
    assert len(sent) <= FRAME_MOST
    (positions,) = feed(named(), sent, 1000)
    assert isinstance(positions, Positions)
    assert [round(fix.lat * 1e6) for fix in positions.fixes] == list(range(191))
    assert b",CCC,191*" in positions.answer


def test_flags_go_round_and_an_overwritten_one_is_forgotten() -> None:
    decoder = named()
    flags = [
        decoder.encode(Command(CommandKind.REBOOT, reference))[2:3] for reference in range(1, 60)
    ]
    assert flags[:3] == [b"A", b"B", b"C"]
    assert flags[57:] == [b"z", b"A"]
    (reply,) = feed(decoder, frame(b"F01,OK", flag=b"A"))
    assert isinstance(reply, Reply)
    assert reply.reference == 59


def test_the_scale_of_voltages_is_remembered() -> None:
    decoder = named()
    parked = REPORT[5:].replace(b"019A|04E2", b"0000|04B0").split(b"*")[0].split(b",", 2)[2]
    (positions,) = feed(decoder, frame(parked))
    assert isinstance(positions, Positions)
    assert positions.fixes[0].attributes["external_v"] == 12.0


def test_alarm_names_are_in_the_table() -> None:
    assert set(meitrack_events.ALARMS.values()) <= ALARMS.keys()


@pytest.mark.parametrize("first", [REPORT, BATCH, frame(b"AAC,1"), frame(b"AAC")])
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES
    damaged = b"$$A1x7" + first[6:]
    assert FAMILY.probe(damaged + first) is Match.YES


def test_a_head_is_recognised_when_it_is_whole() -> None:
    head = b"$$A157,356307042441013,AAA,"
    for size in range(len(head)):
        assert FAMILY.probe(head[:size]) is Match.MORE, head[:size]
    assert FAMILY.probe(head) is Match.YES


@pytest.mark.parametrize(
    "data",
    [
        b"$$135,866104023192332,29,A01,,160606093046,A",  # a maker whose frames begin alike
        b"$$\x00\x11\x13\x61\x23\x45\x67\x8f\xff\x50\x00\x05\xd8\x0d\x0a",
        b"$$A157,356307042441013,aaa,",
        b"$$A157,3563,AAA,",
        b"$GPRMC,003015.00,A,",
        b"+RESP:GTFRI,060100,356307042441013,,1,20250301003015,11F0$",
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO
