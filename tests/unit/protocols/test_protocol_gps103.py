"""GPS103: end marks that are missing, heartbeats without any, time zones, damage."""

from __future__ import annotations

from datetime import UTC, datetime

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
from tests.unit.protocols.transcripts import NOW, feed, new_session
from tracker.model import Command, CommandKind
from tracker.protocols.base import Match, Reply
from tracker.protocols.gps103 import FAMILY
from tracker.protocols.gps103.keywords import ALARMS
from tracker.protocols.gps103.wire import TEXT_MOST
from tracker.protocols.unanswered import UNANSWERED_MOST

IMEI = b"356307042441013"
LOGIN = b"##,imei:356307042441013,A;"
REPORT = (
    b"imei:356307042441013,tracker,250301083015,,F,003015.000,A,2232.4000,N,11403.5400,E,19.71,90;"
)
OTHER = (
    b"imei:356307042441013,tracker,250302193045,,F,113045.000,A,3326.7890,S,07038.7654,W,0.00,270;"
)


def test_the_report_behind_a_damaged_one_is_found() -> None:
    check_damage(FAMILY, REPORT, OTHER)
    check_truncation(FAMILY, REPORT, OTHER)


def test_datagrams_need_no_end_mark() -> None:
    check_datagrams(FAMILY, REPORT, OTHER)
    decoder = FAMILY.decoder(new_session({"options": {"udp": True}}))
    assert kinds(feed(decoder, LOGIN.rstrip(b";"))) == ["Login", "Heartbeat"]
    assert kinds(feed(decoder, REPORT.rstrip(b";"))) == ["Positions"]
    assert kinds(feed(decoder, IMEI)) == ["Heartbeat"]


def test_a_report_that_lacks_only_its_end_mark_is_not_unfinished() -> None:
    """Else the gateway would close a connection that is in order."""
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, REPORT.rstrip(b";"))) == []
    assert decoder.buffered == 0
    assert len(positions(feed(decoder, OTHER.rstrip(b";")))) == 1
    assert kinds(feed(decoder, b";" + REPORT[:30])) == ["Positions"]
    assert decoder.buffered == 30


def test_reports_minutes_apart_that_only_the_next_one_ends() -> None:
    session = new_session()
    decoder = FAMILY.decoder(session)
    feed(decoder, REPORT.rstrip(b";"))
    session.now += 600.0
    assert kinds(feed(decoder, OTHER.rstrip(b";"))) == ["Login", "Positions"]


def test_digits_are_a_heartbeat_only_where_a_frame_can_begin() -> None:
    decoder = FAMILY.decoder(new_session())
    items = feed(decoder, b"ixei:" + IMEI + b",tracker,250301083015,;" + REPORT)
    assert kinds(items) == ["garbage", "Login", "Positions"]
    items = feed(decoder, b"\x00" + IMEI + b"\r\n" + IMEI[:9])
    assert kinds(items) == ["Heartbeat"]
    assert decoder.buffered == 9


def test_a_frame_has_a_longest_length() -> None:
    decoder = FAMILY.decoder(new_session())
    endless = b"imei:356307042441013,vr," + b"a" * (2 * TEXT_MOST)
    assert "garbage" in kinds(feed(decoder, endless + b";" + REPORT, 500))
    assert len(positions(feed(decoder, REPORT))) == 1


@pytest.mark.parametrize("hours", range(-11, 13))
@pytest.mark.parametrize(
    "moment", ["2025-03-01T00:30:15", "2024-12-31T23:59:59", "2024-02-29T12:00"]
)
def test_every_zone_up_to_half_a_day_from_utc(hours: int, moment: str) -> None:
    utc = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    local = datetime.fromtimestamp(utc.timestamp() + hours * 3600, UTC)
    report = REPORT.replace(b"250301083015", local.strftime("%y%m%d%H%M").encode()).replace(
        b"003015.000", utc.strftime("%H%M%S.000").encode()
    )
    (found,) = positions(feed(FAMILY.decoder(new_session()), report))
    assert found.fixes[0].fix_time == utc.timestamp()


@pytest.mark.parametrize("hours", [13, 14])
def test_zones_beyond_need_the_vehicles_record(hours: int) -> None:
    utc = datetime(2025, 3, 1, 20, 30, 15, tzinfo=UTC)
    local = datetime.fromtimestamp(utc.timestamp() + hours * 3600, UTC)
    report = REPORT.replace(b"250301083015", local.strftime("%y%m%d%H%M%S").encode()).replace(
        b"003015.000", b"203015.000"
    )
    (found,) = positions(feed(FAMILY.decoder(new_session({"utc_offset_s": hours * 3600})), report))
    assert found.fixes[0].fix_time == utc.timestamp()
    (found,) = positions(feed(FAMILY.decoder(new_session()), report))
    assert found.fixes[0].fix_time == utc.timestamp() + 86_400


def test_without_any_date_the_day_is_the_nearest() -> None:
    decoder = FAMILY.decoder(new_session())
    report = REPORT.replace(b"250301083015", b"000000000000").replace(b"003015.000", b"235000.000")
    (found,) = positions(feed(decoder, report))
    assert found.fixes[0].fix_time == NOW - 0.75 - 2415.0


def test_a_position_without_any_time_is_not_relied_on() -> None:
    decoder = FAMILY.decoder(new_session())
    report = REPORT.replace(b"250301083015", b"").replace(b"003015.000", b"")
    (found,) = positions(feed(decoder, report))
    assert (found.fixes[0].fix_time, found.fixes[0].valid) == (NOW, False)


def test_recognition() -> None:
    check_probe(FAMILY, LOGIN, sure_behind=24)
    check_probe(FAMILY, REPORT, sure_behind=21)
    check_probe(FAMILY, IMEI + b";", sure_behind=16)
    check_probe(FAMILY, IMEI + b"\r\n" + REPORT)
    check_probe(FAMILY, IMEI + REPORT)
    check_first_damaged(FAMILY, REPORT)


@pytest.mark.parametrize(
    "data",
    [
        IMEI,  # may introduce NMEA as well
        IMEI + b"\r\n",
        b"356307042441014;",  # no IMEI: its check digit is wrong
        b"imei:1234567890rmc:$GPRMC,003015.000,A",  # Sanav
        b"imei=356307042441013&rmc=$GPRMC",
        b"##,imei:35630704244101,A;",
    ],
)
def test_what_does_not_decide(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_unanswered_commands_are_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, LOGIN)
    for reference in range(1, UNANSWERED_MOST + 4):
        decoder.encode(Command(CommandKind.ENGINE_CUT, reference))
    (reply,) = feed(decoder, REPORT.replace(b"tracker", b"jt"))
    assert isinstance(reply, Reply)
    assert reply.reference == 4


def test_every_alarm_keyword_is_an_alarm() -> None:
    decoder = FAMILY.decoder(new_session())
    for keyword, name in ALARMS.items():
        (found,) = positions(feed(decoder, REPORT.replace(b"tracker", keyword.encode())))
        assert found.fixes[0].alarms == (name,)
