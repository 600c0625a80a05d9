"""The common part of decoders: tables of functions, order of messages, stumbles."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from tests.unit.protocols.transcripts import drain, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Heartbeat, Login, Message, Notice, Refused
from tracker.protocols.stream import Outcome, StreamDecoder, after_login, handles, merged

Lines = dict[bytes, Callable[["LineDecoder"], Outcome]]
LINES: Lines = {}


class LineDecoder(StreamDecoder[bytes]):
    """A protocol of lines, each of which is the name of a function."""

    name = "lines"
    refusing = True

    def cut(self) -> bytes | None:
        end = self.buffer.find(b"\n")
        return None if end < 0 else self.buffer.take(end + 1)[:-1]

    def decode(self, frame: bytes) -> Outcome:
        return LINES[frame](self)

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        return Refused(b"no", reason=error.kind) if self.refusing else None


@handles(LINES, b"one")
def one(decoder: LineDecoder) -> Message:
    return Heartbeat(b"1")


@handles(LINES, b"several")
def several(decoder: LineDecoder) -> Outcome:
    return [Heartbeat(b"1"), DecodeError("field", "a part"), Heartbeat(b"2")]


@handles(LINES, b"late")
def late(decoder: LineDecoder) -> Outcome:
    yield Heartbeat(b"1")
    raise IndexError("the second is cut off")


@handles(LINES, b"named")
def named(decoder: LineDecoder) -> Outcome:
    session = decoder.session
    return after_login(session, "me", lambda: Notice(kind=str(session.utc_offset_s)), b"out")


@handles(LINES, b"half a login")
def half_a_login(decoder: LineDecoder) -> Message:
    decoder.session.ident = "me"
    raise IndexError("its answer cannot be worked out")


@handles(LINES, b"named several")
def named_several(decoder: LineDecoder) -> Outcome:
    return after_login(decoder.session, "us", lambda: [Heartbeat(b"1"), Heartbeat(b"2")])


STUMBLES = {
    b"struct": (struct.error("short"), "length"),
    b"index": (IndexError("short"), "length"),
    b"value": (ValueError("odd"), "field"),
    b"overflow": (OverflowError("much"), "field"),
    b"unicode": (UnicodeDecodeError("gbk", b"\xff", 0, 1, "odd"), "field"),
    b"own": (DecodeError("split", "own"), "split"),
}


def stumbling(error: Exception) -> Callable[[LineDecoder], Outcome]:
    def handler(decoder: LineDecoder) -> Outcome:
        raise error

    return handler


for line, (stumble, _) in STUMBLES.items():
    handles(LINES, line)(stumbling(stumble))


@handles(LINES, b"bug")
def bug(decoder: LineDecoder) -> Outcome:
    raise TypeError("ours, not the device's")


def said(*lines: bytes) -> list[Message | DecodeError]:
    decoder = LineDecoder(new_session())
    decoder.receive_data(b"".join(line + b"\n" for line in lines))
    return drain(decoder)


def test_messages_and_errors_of_a_frame_keep_their_order() -> None:
    first, error, second = said(b"several")
    assert (first.answer, second.answer) == (b"1", b"2")  # type: ignore[union-attr]
    assert isinstance(error, DecodeError)


@pytest.mark.parametrize("line", STUMBLES)
def test_a_stumble_is_the_frames_fault(line: bytes) -> None:
    error, refused, after = said(line, b"one")
    assert isinstance(error, DecodeError)
    assert error.kind == STUMBLES[line][1]
    assert refused == Refused(b"no", reason=error.kind)
    assert after == Heartbeat(b"1")


def test_a_stumble_between_two_messages() -> None:
    first, error, refused, after = said(b"late", b"one")
    assert first == after == Heartbeat(b"1")
    assert isinstance(error, DecodeError)
    assert error.kind == "length"
    assert isinstance(refused, Refused)


def test_a_protocol_without_words_for_a_refusal() -> None:
    decoder = LineDecoder(new_session())
    decoder.refusing = False
    decoder.receive_data(b"value\none\n")
    error, after = drain(decoder)
    assert isinstance(error, DecodeError)
    assert after == Heartbeat(b"1")


def test_our_own_faults_are_not_hidden() -> None:
    with pytest.raises(TypeError, match="ours"):
        said(b"bug")


def test_what_follows_a_login_is_worked_out_when_the_login_has_been_taken() -> None:
    """Between the two, whoever takes the Login sets the session by the device's record."""
    decoder = LineDecoder(new_session())
    decoder.receive_data(b"named\nnamed\n")
    assert decoder.next_message() == Login(ident="me", refusal=b"out")
    decoder.session.utc_offset_s = 3600
    assert decoder.next_message() == Notice(kind="3600")
    assert decoder.next_message() == Notice(kind="3600"), "it has been named"
    assert decoder.next_message() is None


def test_several_messages_behind_a_login() -> None:
    assert [type(item) for item in said(b"named several")] == [Login, Heartbeat, Heartbeat]


def test_a_kind_has_one_function() -> None:
    with pytest.raises(ValueError, match="one"):
        handles(LINES, b"one")(one)
    with pytest.raises(ValueError, match="one"):
        merged({b"one": one}, {b"one": several})


def test_commands_that_a_protocol_does_not_have() -> None:
    with pytest.raises(CommandError, match="lines has no command reboot"):
        LineDecoder(new_session()).encode(Command(CommandKind.REBOOT))


def test_a_login_that_cannot_be_read_names_nobody() -> None:
    """What a handler has set of it is taken back, so that a Login still comes before the rest."""
    decoder = LineDecoder(new_session())
    decoder.receive_data(b"half a login\nnamed\n")
    error, _, login, notice = drain(decoder)
    assert isinstance(error, DecodeError)
    assert isinstance(login, Login)
    assert isinstance(notice, Notice)
