"""NMEA: names that come late, moments joined from two sentences, lines in any cut."""

from __future__ import annotations

import pytest

from tests.unit.protocols.text_damage import check_probe, kinds, login_of, positions
from tests.unit.protocols.transcripts import NOW, feed, new_session
from tracker.errors import DecodeError
from tracker.protocols.base import Match
from tracker.protocols.nmea import FAMILY
from tracker.protocols.nmea.decoder import NAMELESS_MOST
from tracker.protocols.nmea.epoch import Epoch, Part, same_clock
from tracker.protocols.nmea.sentence import LINE_MOST, identity_in
from tracker.protocols.reports import Report

IMEI = b"356307042441013"
RMC = b"$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.0,010325,,,A*58\r\n"
LATER = b"$GPRMC,113045.000,A,3326.7890,S,07038.7654,W,0.0,270.0,020325,,,A*6E\r\n"
GGA = b"$GPGGA,003015.000,2232.4000,N,11403.5400,E,1,09,0.9,50.0,M,-2.8,M,,*7A\r\n"


def rmc(second: int) -> Part:
    """An RMC of a moment."""
    said = Report(time=NOW + second, lat=1.0, lon=2.0, speed_kmh=3.0)
    return Part("RMC", f"{second:06d}.000", said)


def gga(second: int) -> Part:
    """A GGA of a moment."""
    return Part("GGA", f"{second:06d}.000", Report(lat=1.0, lon=2.0, altitude_m=float(second)))


def altitudes(epoch: Epoch, *parts: Part) -> list[list[float | None]]:
    """Altitudes of the positions that come out with each sentence."""
    return [[said.altitude_m for said in epoch.add(part)] for part in parts]


def test_damage_to_any_byte_of_a_sentence_is_noticed() -> None:
    for at in range(1, RMC.index(b"*") + 3):
        for value in b"\x00$*,0Z":
            if value == RMC[at]:
                continue
            decoder = FAMILY.decoder(new_session({"ident": "1"}))
            items = feed(decoder, LATER + RMC[:at] + bytes((value,)) + RMC[at + 1 :] + GGA)
            assert [one.fixes[0].altitude_m for one in positions(items)] == [None, 50.0]
            assert decoder.buffered == 0


def test_a_line_has_a_longest_length() -> None:
    decoder = FAMILY.decoder(new_session({"ident": "1"}))
    decoder.receive_data(b"x" * LINE_MOST)
    with pytest.raises(DecodeError, match="no line end"):
        decoder.next_message()
    assert decoder.buffered == 0
    feed(decoder, b"y" * (3 * LINE_MOST), 50)
    assert decoder.buffered <= LINE_MOST


def test_datagrams() -> None:
    decoder = FAMILY.decoder(new_session({"options": {"udp": True}}))
    assert kinds(feed(decoder, IMEI + RMC.strip())) == ["Login", "Positions"]
    assert kinds(feed(decoder, RMC + GGA.strip())) == ["Positions", "Heartbeat"]
    assert kinds(feed(decoder, RMC[:30])) == ["length"] or decoder.buffered == 0
    assert kinds(feed(decoder, IMEI)) == ["Heartbeat"]


def test_what_waits_for_a_name_is_bounded_and_in_order() -> None:
    decoder = FAMILY.decoder(new_session())
    assert feed(decoder, RMC * (3 * NAMELESS_MOST)) == []
    items = feed(decoder, IMEI + b"\r\n")
    assert login_of(items) == IMEI.decode()
    assert len(positions(items)) == NAMELESS_MOST


def test_the_order_of_a_pair_is_learned_and_forgotten() -> None:
    epoch = Epoch()
    assert altitudes(epoch, rmc(1), gga(1)) == [[None], [1.0]]
    assert altitudes(epoch, rmc(2), gga(2)) == [[], [2.0]]
    assert altitudes(epoch, rmc(3), rmc(4)) == [[], [None, None]]
    assert altitudes(epoch, rmc(5)) == [[None]]
    assert altitudes(epoch, gga(6), rmc(6)) == [[6.0], [6.0]]
    assert altitudes(epoch, gga(7), rmc(7)) == [[], [7.0]]
    assert altitudes(epoch, gga(8), gga(9), gga(10)) == [[], [8.0, 9.0], [10.0]]


def test_sentences_without_a_time_of_day_are_no_pair() -> None:
    epoch = Epoch()
    assert altitudes(epoch, rmc(1)._replace(clock=""), gga(1)._replace(clock="")) == [[None], [1.0]]
    assert altitudes(epoch, rmc(2)) == [[None]]


def test_ten_fixes_a_second_are_ten_positions() -> None:
    decoder = FAMILY.decoder(new_session({"ident": "1", "options": {"nmea_lenient": True}}))
    found = []
    for tenth in range(10):
        clock = b"003015.%d00" % tenth
        for sentence in (RMC, GGA):
            found += positions(feed(decoder, sentence.replace(b"003015.000", clock)))
    times = [one.fixes[0].fix_time for one in found]
    assert times == pytest.approx([NOW - 0.75 + tenth / 10 for tenth in range(10)])
    assert [one.fixes[0].altitude_m for one in found] == [None] + [50.0] * 9


def test_clocks_in_one_spelling() -> None:
    assert same_clock("101112") == same_clock("101112.") == same_clock("101112.000")
    assert same_clock("101112.5") == same_clock("101112.500")
    assert same_clock("") == ""
    with pytest.raises(DecodeError):
        same_clock("251112")


@pytest.mark.parametrize(
    ("prefix", "ident"),
    [
        ("356307042441013", "356307042441013"),
        ("990000561287964,", "990000561287964"),
        ("4711/022789000688081/", "022789000688081"),
        ("van-7 ", "van-7"),
        ("", None),
        (", ", None),
    ],
)
def test_identities_in_front(prefix: str, ident: str | None) -> None:
    assert identity_in(prefix) == ident


def test_recognition() -> None:
    check_probe(FAMILY, RMC)
    check_probe(FAMILY, IMEI + RMC)
    check_probe(FAMILY, IMEI + b"\r\n" + RMC)
    check_probe(FAMILY, b"4711/022789000688081/" + RMC)
    check_probe(FAMILY, b"$PGID,356307042441013*07\r\n")
    check_probe(FAMILY, b"IMEI 356307042441013\r\n", sure_behind=20)


@pytest.mark.parametrize(
    "data",
    [
        IMEI + b"\r\n",  # may be a heartbeat of GPS103
        b"$FRLIN,,user,pass*HH\r\n",
        b"$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,19.71,90.0,010325,,,A,L,sos,\r\n",
        b"STX2010101801j,$GPRMC,003015.000,A,2232.4000,N,11403.5400,E,1.0,2.0,010325,,,A*1D,L,,",
        b"$$A138,356307042441013,AAA,35",
        b"hello",
    ],
)
def test_what_does_not_decide(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES
