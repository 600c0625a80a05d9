"""TK103 in parentheses: two forms, identities of any kind, damage, and its neighbours."""

from __future__ import annotations

import pytest

from tests.unit.protocols.text_damage import (
    check_damage,
    check_datagrams,
    check_first_damaged,
    check_probe,
    check_truncation,
    kinds,
    login_of,
    positions,
)
from tests.unit.protocols.transcripts import feed, new_session
from tracker.model import Command, CommandKind
from tracker.protocols.base import Match, Reply
from tracker.protocols.tk103 import FAMILY
from tracker.protocols.tk103.classic import ALARMS
from tracker.protocols.tk103.wire import TEXT_MOST
from tracker.protocols.unanswered import UNANSWERED_MOST

REPORT = b"(013612345678BR00250301A2232.4000N11403.5400E036.5003015090.0001000000L00003039)"
OTHER = b"(013612345678BR00250302A3326.7890S07038.7654W000.0113045270.0000000000L00000000)"
FIELDS = b"(864768010009188,BP05,010325,A,2232.4000N,11403.5400E,36.50,003015,90.00)"
OTHER_FIELDS = b"(864768010009188,BP05,020325,A,3326.7890S,07038.7654W,0.00,113045,270.00)"
HANDSHAKE = b"(013612345678BP00000013612345678HSO)"


def test_the_report_behind_a_damaged_one_is_found() -> None:
    check_damage(FAMILY, REPORT, OTHER)
    check_truncation(FAMILY, REPORT, OTHER)


def test_the_report_with_commas_behind_a_damaged_one_is_found() -> None:
    check_damage(FAMILY, FIELDS, OTHER_FIELDS)
    check_truncation(FAMILY, FIELDS, OTHER_FIELDS)


def test_datagrams() -> None:
    check_datagrams(FAMILY, REPORT, OTHER)
    check_datagrams(FAMILY, FIELDS, OTHER_FIELDS)


@pytest.mark.parametrize(
    "ident", ["01361234567", "013612345678", "BALLESTEROS3", "356307042441013"]
)
def test_identities(ident: str) -> None:
    frame = REPORT.replace(b"013612345678", ident.encode())
    assert login_of(feed(FAMILY.decoder(new_session()), frame)) == ident


def test_text_in_dollars_that_never_ends_is_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, b"(864768010009188,ZC03,010325,003015,$" + b"x" * (2 * TEXT_MOST), 100)
    assert decoder.buffered <= TEXT_MOST
    assert len(positions(feed(decoder, REPORT + REPORT))) >= 1


def test_text_in_dollars_that_was_cut_off_does_not_swallow_the_next_frame() -> None:
    decoder = FAMILY.decoder(new_session())
    items = feed(decoder, b"(864768010009188,ZC03,010325,003015,$IP (1" + FIELDS + FIELDS)
    assert len(positions(items)) == 2


@pytest.mark.parametrize("digit", [*ALARMS, "9"])
def test_each_alarm_and_its_answer(digit: str) -> None:
    decoder = FAMILY.decoder(new_session())
    frame = REPORT.replace(b"BR00", b"BO01" + digit.encode())
    (found,) = positions(feed(decoder, frame))
    assert found.answer == b"(013612345678AS01" + digit.encode() + b")"
    assert found.durable
    assert found.fixes[0].alarms == (ALARMS.get(digit, "other"),)


def test_recognition() -> None:
    check_probe(FAMILY, REPORT, sure_behind=17)
    check_probe(FAMILY, FIELDS, sure_behind=22)
    check_probe(FAMILY, HANDSHAKE)
    check_first_damaged(FAMILY, REPORT)


@pytest.mark.parametrize(
    "data",
    [
        b"(3460311327,W01,02553.3555,E,2427.0938,S,A,171012,053339,0,5,20,6,31,5)",  # JT600
        b"(794104004140,1,001,BASE,2,TIME)",
        b"(12345)",
        b"(013612345678AP05)",  # what a server says
    ],
)
def test_what_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is not Match.YES


def test_unanswered_commands_are_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, HANDSHAKE)
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    assert kinds(feed(decoder, HANDSHAKE)) == ["Heartbeat"], "a handshake answers nothing of ours"
    (reply,) = feed(decoder, REPORT.replace(b"BR00", b"BP04"))
    assert isinstance(reply, Reply)
    assert reply.reference == 3
    assert len(reply.fixes) == 1
