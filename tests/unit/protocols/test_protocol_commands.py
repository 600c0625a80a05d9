"""Parameters of commands, and bounds on what waits for an answer."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.base import NOBODYS, Reply
from tracker.protocols.commands import (
    check_stream,
    interval_s,
    known_reference,
    numeric_option,
    text_bytes,
)
from tracker.protocols.frame55 import Frame55Decoder
from tracker.protocols.gt06 import Gt06Decoder
from tracker.protocols.registry import FAMILIES
from tracker.protocols.unanswered import UNANSWERED_MOST


@pytest.mark.parametrize("seconds", [0, -1, 61, 2.5, "30", None, True])
def test_intervals_that_are_refused(seconds: Any) -> None:
    with pytest.raises(CommandError) as caught:
        interval_s(Command(CommandKind.INTERVAL, parameters={"seconds": seconds}), 60)
    assert caught.value.value is seconds


@pytest.mark.parametrize("seconds", [1, 60])
def test_intervals_that_are_taken(seconds: int) -> None:
    assert interval_s(Command(CommandKind.INTERVAL, parameters={"seconds": seconds}), 60) == seconds


@pytest.mark.parametrize("text", ["", "abcd", "ab€", 7, None])
def test_texts_that_are_refused(text: Any) -> None:
    with pytest.raises(CommandError) as caught:
        text_bytes(Command(CommandKind.TEXT, parameters={"text": text}), "latin-1", 3)
    assert caught.value.value == text


def test_texts_are_measured_in_the_devices_encoding() -> None:
    command = Command(CommandKind.TEXT, parameters={"text": "粤B"})
    assert text_bytes(command, "gbk", 3) == b"\xd4\xc1B"
    with pytest.raises(CommandError, match="3"):
        text_bytes(command, "utf-8", 3)


@pytest.mark.parametrize("number", [0, 17, True, "2", 2.0, None])
def test_numeric_options_that_are_refused(number: Any) -> None:
    with pytest.raises(CommandError, match="the_output: a whole number from 1 to 16") as caught:
        numeric_option(new_session({"options": {"the_output": number}}), "the_output", 1, 1, 16)
    assert caught.value.value is number


def test_numeric_options_that_are_taken() -> None:
    session = new_session({"options": {"the_output": 16}})
    assert numeric_option(session, "the_output", 1, 1, 16) == 16
    assert numeric_option(session, "another", 3, 1, 16) == 3


def test_commands_that_need_a_stream() -> None:
    check_stream(new_session(), "egts")
    with pytest.raises(CommandError, match="egts: commands need TCP"):
        check_stream(new_session({"options": {"udp": True}}), "egts")


def test_references_of_commands_of_ours() -> None:
    numbers = (-1, 0, 1, 0xFFFF, 0x10000)
    assert [known_reference(number) for number in numbers] == [None, None, 1, 0xFFFF, NOBODYS]


def test_commands_without_an_answer_are_forgotten_oldest_first() -> None:
    decoder = Frame55Decoder(new_session({"ident": "known"}))
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.REBOOT, reference))
    answer = bytes.fromhex("55 01 81 02 14 00 C3")
    (reply,) = feed(decoder, answer)
    assert isinstance(reply, Reply)
    assert reply.reference == 3


def test_gt06_counts_its_frames_from_one_and_never_zero() -> None:
    decoder = Gt06Decoder(new_session())
    decoder.link.serial = 0xFFFE
    serials = [decoder.encode(Command(CommandKind.LOCATE))[-6:-4].hex() for _ in range(3)]
    assert serials == ["ffff", "0001", "0002"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("kind", CommandKind)
def test_every_command_is_written_or_refused(family: Any, kind: CommandKind) -> None:
    """Nothing but bytes or CommandError, also before the device has spoken."""
    decoder = family.decoder(new_session())
    for parameters in ({}, {"seconds": 30}, {"text": "RESET"}, {"text": "\ud800"}, {"seconds": -1}):
        frame = None
        with contextlib.suppress(CommandError):
            frame = decoder.encode(Command(kind, 9, parameters))
        assert frame is None or (isinstance(frame, bytes) and frame)
