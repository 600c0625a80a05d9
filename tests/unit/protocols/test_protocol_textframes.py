"""Marks that may be cut off, and what stands between frames."""

from __future__ import annotations

import re

import pytest

from tests.unit.protocols.text_damage import kinds
from tests.unit.protocols.transcripts import feed, new_session
from tracker.protocols import h02
from tracker.protocols.base import PROBE_LIMIT, Match
from tracker.protocols.textframes import partial, probe_text

MARK = re.compile(partial(rb"\*", rb"[A-Z]", rb"[A-Z]", b","))
EVIDENCE = re.compile(rb"(?:\A|#)\s*\*[A-Z]{2},\d{3}")
BEAT = b"*HQ,4106012345,HTBT#"


@pytest.mark.parametrize("data", [b"*", b"*H", b"*HQ", b"*HQ,", b"*HQ,1"])
def test_a_mark_or_its_beginning(data: bytes) -> None:
    assert MARK.match(data)


@pytest.mark.parametrize("data", [b"", b"H", b"*1", b"*H,", b"*HQ1"])
def test_no_mark(data: bytes) -> None:
    assert not MARK.match(data)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", Match.MORE),
        (b"\r\n", Match.MORE),
        (b"\r\n*H", Match.MORE),
        (b"*HQ,12", Match.MORE),
        (b"*HQ,123", Match.YES),
        (b"\r\n*HQ,123", Match.YES),
        (b"*HQ,1x3#*HQ,123", Match.YES),
        (b"*HQ,1x3", Match.MORE),
        (b"x*HQ,123", Match.NO),
        (b"*HQ," + b"x" * PROBE_LIMIT + b"#*HQ,123", Match.MORE),
    ],
)
def test_probes(data: bytes, verdict: Match) -> None:
    assert probe_text(EVIDENCE, MARK, data) is verdict


def test_what_stands_between_frames_is_passed_over() -> None:
    decoder = h02.FAMILY.decoder(new_session())
    assert kinds(feed(decoder, b"\0\r\n \t" + BEAT + b"\r\n\r\n" + BEAT + b"\n")) == [
        "Login",
        "Heartbeat",
        "Heartbeat",
    ]
    assert decoder.buffered == 0


def test_half_a_frame_is_given_up_when_others_come_late() -> None:
    session = new_session()
    decoder = h02.FAMILY.decoder(session)
    assert feed(decoder, BEAT[:10]) == []
    session.now += 3600.0
    assert kinds(feed(decoder, b"x")) == ["timeout"]
    assert kinds(feed(decoder, BEAT)) == ["Login", "Heartbeat"]


def test_a_pause_within_a_frame_is_borne() -> None:
    session = new_session()
    decoder = h02.FAMILY.decoder(session)
    feed(decoder, BEAT[:10])
    session.now += 20.0
    assert kinds(feed(decoder, BEAT[10:])) == ["Login", "Heartbeat"]
