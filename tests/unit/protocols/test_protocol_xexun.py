"""Xexun text: which frames end where, and what their checks are worth."""

from __future__ import annotations

import pytest

from tests.unit.protocols.text_damage import check_probe, kinds, positions
from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Match
from tracker.protocols.xexun import FAMILY
from tracker.protocols.xexun.wire import TEXT_MOST, Trust, crc16_xmodem, trust

BASIC = (
    b"GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.00,010325,,,A*68,F,, "
    b"imei:356307042441013,"
)
FULL = (
    b"250301083015,+8613800000000,GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.00,010325,"
    b",,A*68,F,help me!, imei:356307042441013,09,50.0,F:4.05V,0,"
)
FULL += b"%d," % len(FULL)
FULL += b"%d,460,00,287D,1FB8\r\n" % crc16_xmodem(FULL)


def decoded(data: bytes) -> list[str]:
    """What comes out of a fresh decoder."""
    return kinds(feed(FAMILY.decoder(new_session()), data))


def test_the_checksum_by_its_check_value() -> None:
    assert crc16_xmodem(b"123456789") == 0x31C3


def test_any_damage_to_a_full_frame_costs_no_later_one() -> None:
    for at in range(len(FULL) - 2):
        for value in b"\x00\x0a,*9A":
            if value == FULL[at]:
                continue
            decoder = FAMILY.decoder(new_session())
            items = feed(decoder, FULL[:at] + bytes((value,)) + FULL[at + 1 :] + FULL + FULL)
            assert len(positions(items)) >= 2, (at, value)
            assert decoder.buffered == 0


def test_damage_to_the_position_of_a_full_frame_is_noticed() -> None:
    """Whatever character of the RMC becomes another digit, the frame is refused."""
    begin, end = FULL.index(b"GPRMC") + 6, FULL.index(b"*68")
    for at in range(begin, end):
        damaged = FULL[:at] + (b"7" if FULL[at] != 0x37 else b"8") + FULL[at + 1 :]
        assert "Positions" not in decoded(damaged), at


def test_damage_to_the_identity_of_a_full_frame_is_noticed() -> None:
    begin = FULL.index(b"imei:") + 5
    for at in range(begin, begin + 15):
        damaged = FULL[:at] + (b"7" if FULL[at] != 0x37 else b"8") + FULL[at + 1 :]
        assert decoded(damaged) == ["checksum"], at


def test_damage_to_a_basic_frame_is_noticed_once_a_right_one_was_seen() -> None:
    damaged = BASIC.replace(b"2232.4000", b"2332.4000")
    assert decoded(damaged) == ["Login", "Positions"]
    assert decoded(BASIC + damaged + BASIC) == ["Login", "Positions", "checksum", "Positions"]


def test_what_vouches_for_a_frame() -> None:
    assert trust(BASIC) is Trust.RIGHT
    assert trust(BASIC.replace(b"*68", b"*69")) is Trust.DOUBTFUL
    assert trust(BASIC.replace(b"*68", b"")) is Trust.RIGHT
    assert trust(FULL) is Trust.RIGHT
    assert trust(FULL.replace(b"+861", b"+862")) is Trust.RIGHT
    assert trust(FULL.replace(b"+861", b"+862").replace(b"*68", b"*69")) is Trust.WRONG


def test_a_basic_frame_needs_no_line_end_and_a_full_one_waits_for_its_tail() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, BASIC)) == ["Login", "Positions"]
    head, tail = FULL[: FULL.index(b"09,50.0")], FULL[FULL.index(b"09,50.0") :]
    assert kinds(feed(decoder, head)) == []
    assert decoder.buffered == len(head)
    (found,) = positions(feed(decoder, tail))
    assert found.fixes[0].altitude_m == 50.0


def test_a_full_frame_that_lacks_only_its_line_end_is_not_unfinished() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, FULL.strip())) == []
    assert decoder.buffered == 0


def test_datagrams_need_no_line_end() -> None:
    decoder = FAMILY.decoder(new_session({"options": {"udp": True}}))
    assert kinds(feed(decoder, FULL.strip())) == ["Login", "Positions"]
    assert kinds(feed(decoder, BASIC)) == ["Positions"]
    assert "Positions" not in kinds(feed(decoder, FULL[:80]))
    assert decoder.buffered == 0
    assert kinds(feed(decoder, FULL + FULL.strip())) == ["Positions", "Positions"]


def test_a_frame_that_was_cut_off_is_not_joined_to_the_next() -> None:
    for size in range(7, len(BASIC) - 1):
        items = decoded(BASIC[:size] + BASIC)
        assert items.count("Positions") == 1, size
        items = decoded(FULL[:size] + FULL + FULL)
        assert items.count("Positions") >= 1, size


def test_a_line_has_a_longest_length() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, b"GPRMC," + b"x" * (3 * TEXT_MOST), 100)
    assert decoder.buffered <= TEXT_MOST


def test_recognition() -> None:
    check_probe(FAMILY, BASIC)
    check_probe(FAMILY, FULL)
    check_probe(
        FAMILY, b",+8613800000000,,L,, imei:356307042441013,,,F:4.28V,1,52,11565,247,01\r\n"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.0,010325,,,A*58\r\n",
        b"356307042441013$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.0,010325,,,A*58\r\n",
        b"GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.00,010325,,,A*68\r\n",
        b"imei:356307042441013,tracker,250301083015,,F,003015.000,A,2232.4000,N,11403.5400,E,1,2;",
    ],
)
def test_what_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_a_password_that_could_hide_a_command_is_refused() -> None:
    decoder = FAMILY.decoder(new_session({"options": {"xexun_password": "1 00\r\nx"}}))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.ENGINE_CUT))
