"""H02: records without a length, damage without a checksum, and what is not H02."""

from __future__ import annotations

import pytest

from tests.unit.protocols.text_damage import (
    check_damage,
    check_datagrams,
    check_first_damaged,
    check_probe,
    check_truncation,
    kinds,
    positions,
)
from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Match, Reply
from tracker.protocols.h02 import FAMILY
from tracker.protocols.h02.status import ALARM_BITS, level_percent
from tracker.protocols.h02.wire import TEXT_MOST, UNANSWERED_MOST

ID = "4106012345"
V1 = b"*HQ,4106012345,V1,003015,A,2232.4000,N,11403.5400,E,019.71,090,010325,FFFFFBFF#"
OTHER = b"*HQ,4106012345,V1,113045,A,3326.7890,S,07038.7654,W,000.00,270,020325,FFFFFFFF#"
RECORD = bytes.fromhex("2441060123450030150103252232400000114035400E019090FFFFFFFFFF0001")
WEST = bytes.fromhex("24410601234511304502032533267890060703876542000270FFFFFBFFFF0002")
TAIL = bytes.fromhex("0D0000000700FA01189FC3FD19")


def test_the_text_behind_a_damaged_one_is_found() -> None:
    check_damage(FAMILY, V1, OTHER)
    check_truncation(FAMILY, V1, OTHER)


def test_the_text_behind_a_damaged_record_is_found() -> None:
    check_damage(FAMILY, RECORD, OTHER)


def test_records_behind_damaged_records_are_found() -> None:
    check_damage(FAMILY, RECORD, WEST)


def test_datagrams() -> None:
    check_datagrams(FAMILY, V1, OTHER)
    check_datagrams(FAMILY, RECORD, WEST)
    check_datagrams(FAMILY, RECORD + TAIL, WEST + TAIL)


def test_a_tail_in_a_segment_of_its_own() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, RECORD)) == ["Login", "Positions"]
    assert kinds(feed(decoder, TAIL[:7])) == []
    assert decoder.buffered == 0, "a tail that never comes must not time the connection out"
    assert kinds(feed(decoder, TAIL[7:])) == ["Heartbeat"]
    assert kinds(feed(decoder, RECORD)) == [], "from now on the tail is waited for"
    (whole,) = positions(feed(decoder, TAIL))
    assert whole.fixes[0].satellites == 13


def test_records_whose_tail_stops_coming() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, RECORD + TAIL)
    found = positions(feed(decoder, RECORD + WEST + RECORD))
    assert len(found) == 3
    assert all(one.fixes[0].satellites is None for one in found)


def test_padding_behind_the_tail_is_passed_over() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, RECORD + TAIL + b"\x01\x02\x03" + V1)) == [
        "Login",
        "Positions",
        "Heartbeat",
        "Positions",
    ]


def test_what_cannot_be_a_tail_says_nothing() -> None:
    decoder = FAMILY.decoder(new_session())
    items = feed(decoder, RECORD + b"\x52\x77\x65\x66\x06" + bytes(8) + WEST)
    assert kinds(items) == ["Login", "Positions", "Positions"]


def test_a_line_end_behind_a_record_is_no_tail() -> None:
    decoder = FAMILY.decoder(new_session())
    assert len(positions(feed(decoder, RECORD + b"\r\n" + RECORD + b"\r\n" + V1))) == 3
    decoder = FAMILY.decoder(new_session())
    assert len(positions(feed(decoder, RECORD + b"\n" + V1))) == 2


def test_a_record_without_identity_that_comes_first_is_refused() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, b"\x58" + RECORD[1:] + V1)) == ["login", "Login", "Positions"]


@pytest.mark.parametrize(
    "frame",
    [
        RECORD[:6] + b"\x24" + RECORD[7:],  # 24 o'clock
        RECORD[:10] + b"\x13" + RECORD[11:],  # month 13
        RECORD[:12] + b"\x91" + RECORD[13:],  # 91 degrees north
        RECORD[:17] + b"\x18\x10" + RECORD[19:],  # 181 degrees east
        RECORD[:18] + b"\x1a" + RECORD[19:],  # no decimal
    ],
    ids=["hour", "month", "latitude", "longitude", "digit"],
)
def test_impossible_records_are_not_recognised(frame: bytes) -> None:
    assert FAMILY.probe(frame) is Match.NO
    assert not positions(feed(FAMILY.decoder(new_session()), frame))


def test_a_text_has_a_longest_length() -> None:
    decoder = FAMILY.decoder(new_session())
    endless = b"*HQ,4106012345,SMS," + b"x" * (2 * TEXT_MOST)
    assert "garbage" in kinds(feed(decoder, endless + V1, 100))
    assert len(positions(feed(decoder, V1))) == 1


def test_recognition() -> None:
    check_probe(FAMILY, V1, sure_behind=18)
    check_probe(FAMILY, b"\r\n" + V1)
    check_probe(FAMILY, RECORD, sure_behind=32)
    check_first_damaged(FAMILY, V1)


@pytest.mark.parametrize(
    "data",
    [
        b"*HQ2009876543210,BA&A0030152232400011403540060000010325",  # Upro
        b"$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.0,010325,,,A*58\r\n",
        b"$$A138,356307042441013,AAA,35,22.540000,114.059000",
        bytes.fromhex("246082042002110019200305") + bytes(30),
        b"*RS,356307042441013",
        b"*ET,SN:0042000000,M:0",
    ],
)
def test_what_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_unanswered_commands_are_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, V1)
    for reference in range(1, UNANSWERED_MOST + 11):
        decoder.encode(Command(CommandKind.ENGINE_CUT, reference))
    said = b"*HQ,4106012345,V4,S20,DONE,235959#"  # of no command: the oldest that is left
    (reply,) = feed(decoder, said)
    assert isinstance(reply, Reply)
    assert reply.reference == 11


def test_the_identity_of_a_command_is_the_one_that_was_heard() -> None:
    decoder = FAMILY.decoder(new_session({"ident": ID}))
    assert decoder.encode(Command(CommandKind.REBOOT)) == b"*HQ,4106012345,R1,003015#"
    feed(decoder, V1.replace(b"HQ", b"DC"))
    assert decoder.encode(Command(CommandKind.REBOOT)) == b"*DC,4106012345,R1,003015#"


def test_an_interval_that_no_model_takes() -> None:
    decoder = FAMILY.decoder(new_session({"options": {"h02_interval": "X"}}))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.INTERVAL, 1, {"seconds": 30}))


def test_battery_steps() -> None:
    steps = {0: None, 1: 10, 3: 40, 6: 100, 7: 7, 100: 100, 101: None, 0xF1: 10, 0xF6: 100}
    assert {raw: level_percent(raw) for raw in steps} == steps


def test_no_alarm_bit_is_also_a_state() -> None:
    assert not ALARM_BITS.keys() & {8, 9, 10, 13, 14, 23, 27, 29, 30, 31}
