"""Every transcript of every protocol, in the cuts in which a network may deliver it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.protocols.transcripts import (
    cases,
    check,
    check_command,
    feed,
    new_session,
)
from tracker.protocols.base import Family
from tracker.protocols.registry import FAMILIES

CASES = [
    pytest.param(family, case, id=f"{family.name}: {case['name']}") for family, case in cases()
]


@pytest.mark.parametrize("size", [None, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(("family", "case"), CASES)
def test_transcript(family: Family, case: dict[str, Any], size: int | None) -> None:
    """Each step by itself; nothing stays behind it."""
    session = new_session(case.get("session"))
    decoder = family.decoder(session)
    for step in case["steps"]:
        if "command" in step:
            check_command(decoder, step)
            continue
        session.now = step.get("now", session.now)
        check(feed(decoder, bytes.fromhex(step["send"]), size), step["expect"])
        assert decoder.buffered == step.get("buffered", 0)


@pytest.mark.parametrize(("family", "case"), CASES)
def test_transcript_followed_by_another_frame(family: Family, case: dict[str, Any]) -> None:
    """All that is sent between two commands comes in one read, as after a stalled network."""
    session = new_session(case.get("session"))
    decoder = family.decoder(session)
    sent = b""
    expected: list[dict[str, Any]] = []
    for step in [*case["steps"], {"command": None}]:
        if "command" not in step and ("now" not in step or not sent):
            session.now = step.get("now", session.now)
            sent += bytes.fromhex(step["send"])
            expected += step["expect"]
            continue
        check(feed(decoder, sent), expected)
        sent, expected = b"", []
        if step.get("command"):
            check_command(decoder, step)
        elif "send" in step:
            session.now = step["now"]
            sent, expected = bytes.fromhex(step["send"]), list(step["expect"])


def test_every_protocol_has_transcripts() -> None:
    """A protocol without vectors is not supported."""
    told = {family.name for family, _ in cases()}
    assert told == {family.name for family in FAMILIES}
    assert all(case["source"] and case["steps"] for _, case in cases())
