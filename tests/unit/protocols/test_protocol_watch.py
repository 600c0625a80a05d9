"""GPS watches: brackets against lengths, escaped data, and that no watch is left unanswered."""

from __future__ import annotations

import pytest

from tests.unit.protocols.text_damage import (
    check_damage,
    check_first_damaged,
    check_probe,
    check_truncation,
    kinds,
    positions,
)
from tests.unit.protocols.transcripts import feed, new_session
from tracker.model import Command, CommandKind
from tracker.protocols.base import Match, Reply
from tracker.protocols.unanswered import UNANSWERED_MOST
from tracker.protocols.watch import FAMILY
from tracker.protocols.watch.position import ALARM_BITS
from tracker.protocols.watch.wire import BINARY_MOST, TEXT_MOST, unescape

REPORT = (
    b"[3G*4700186508*006D*UD,010325,003015,A,22.540000,N,114.0590000,E,36.00,90.0,50.0,9,80,95,"
    b"1000,0,00000000,1,1,460,0,10365,8120,132]"
)
OTHER = (
    b"[3G*4700186508*0047*UD,020325,113045,V,33.446483,S,70.6460900,W,0.00,270.0,0.0,0,100,5,0,0,"
    b"00000008]"
)
LK = b"[3G*4700186508*0002*LK]"


def test_the_report_behind_a_damaged_one_is_found() -> None:
    check_damage(FAMILY, REPORT, OTHER)
    check_truncation(FAMILY, REPORT, OTHER)


@pytest.mark.parametrize("length", [b"0000", b"0001", b"0002", b"0003", b"00FF", b"FFFF"])
def test_a_link_is_answered_at_once_whatever_its_length_says(length: bytes) -> None:
    """Unanswered, a watch falls silent for good."""
    decoder = FAMILY.decoder(new_session())
    login, beat = feed(decoder, LK.replace(b"0002", length), 1)
    assert kinds([login, beat]) == ["Login", "Heartbeat"]
    assert beat.answer == LK  # type: ignore[union-attr]


def test_a_bracket_in_a_name_costs_no_position() -> None:
    decoder = FAMILY.decoder(new_session())
    content = REPORT[20:-1] + b",1,my]net,28:c6:8e:be:87:c0,-60"
    items = feed(decoder, b"[3G*4700186508*%04X*" % len(content) + content + b"]" + LK)
    assert kinds(items) == ["Login", "Positions", "garbage", "Heartbeat"]


def test_data_whose_length_leads_nowhere_ends_at_the_first_bracket() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, b"[3G*4700186508*0015*TK,#!AMR]" + LK)) == [
        "Login",
        "Notice",
        "Heartbeat",
    ]


def test_data_that_was_cut_off_does_not_swallow_what_follows() -> None:
    decoder = FAMILY.decoder(new_session())
    items = feed(decoder, b"[3G*4700186508*4000*TK,#!AMR\x00\x01" + LK + REPORT, 200)
    assert kinds(items) == ["length", "Login", "Heartbeat", "Positions"] or kinds(items) == [
        "garbage",
        "Login",
        "Heartbeat",
        "Positions",
    ]


def test_the_longest_voice_message() -> None:
    decoder = FAMILY.decoder(new_session())
    content = b"TK," + b"\x55" * (0xFFFF - 3)
    items = feed(decoder, b"[3G*4700186508*FFFF*" + content + b"]", 1400)
    assert kinds(items) == ["Login", "Notice"]
    assert items[1].attributes["size_bytes"] == 0xFFFF - 3  # type: ignore[union-attr]
    assert decoder.buffered == 0


def test_frames_have_a_longest_length() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, b"[3G*4700186508*FFFF*TK," + b"\x55" * (2 * BINARY_MOST), 1400)
    assert decoder.buffered <= BINARY_MOST
    decoder = FAMILY.decoder(new_session())
    feed(decoder, b"[3G*4700186508*0010*UD," + b"5" * (3 * TEXT_MOST), 1400)
    assert decoder.buffered <= TEXT_MOST


def test_escapes_in_pairs() -> None:
    assert unescape(b"\x7d\x01\x7d\x02\x7d\x03\x7d\x04\x7d\x05\x7d\x06\x7d") == b"}[],*\x7d\x06\x7d"


def test_recognition() -> None:
    check_probe(FAMILY, REPORT, sure_behind=21)
    check_probe(FAMILY, b"[ZJ*014111001350304*0033*0002*LK]")
    check_probe(FAMILY, LK, sure_behind=21)
    check_first_damaged(FAMILY, REPORT)


@pytest.mark.parametrize(
    "data",
    [
        b"[2023-11-20 08:00:00,1,V2,356307042441013",  # Mobilogix
        b'[{"ident":"356307042441013"}]',
        b"[=00000000S356307042441013",
        b"[3G*470018650*0002*LK]",  # nine digits
        b"[3G*4700186508*LK]",
        b"[3G*47001865A8*0002*LK]",
    ],
)
def test_what_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_unanswered_commands_are_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, LK)
    for reference in range(1, UNANSWERED_MOST + 6):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    (reply,) = feed(decoder, b"[3G*4700186508*0002*CR]")
    assert isinstance(reply, Reply)
    assert reply.reference == 6


def test_our_index_wraps_without_zero() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, b"[ZJ*014111001350304*0033*0002*LK]")
    indexes = [
        decoder.encode(Command(CommandKind.LOCATE)).split(b"*")[2] for _ in range(0xFFFF + 1)
    ]
    assert indexes[0] == b"0001"
    assert indexes[-2:] == [b"FFFF", b"0001"]


@pytest.mark.parametrize("bit", sorted(ALARM_BITS))
def test_each_alarm_bit(bit: int) -> None:
    decoder = FAMILY.decoder(new_session())
    (found,) = positions(feed(decoder, REPORT.replace(b"00000000", b"%08x" % (1 << bit))))
    assert found.fixes[0].alarms == (ALARM_BITS[bit],)
