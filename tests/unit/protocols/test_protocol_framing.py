"""Frames with a mark, a length and a checksum: what is done about damage, and when."""

from __future__ import annotations

import pytest

from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import DecodeError
from tracker.protocols import frame55, gt06
from tracker.protocols.base import Heartbeat, Match, Session
from tracker.protocols.frame55.wire import FRAMING as FRAME55
from tracker.protocols.framing import OPEN_STARTS_MOST, SKIP_LIMIT, probe
from tracker.protocols.gt06.wire import FRAMING as GT06
from tracker.protocols.gt06.wire import LONG_MOST, pack

LOGIN = bytes.fromhex("78780D0103563070424410130001D4A90D0A")
BEAT = bytes.fromhex("78780A1346050400020004D1BF0D0A")


def kinds(items: list[object]) -> list[str]:
    """Kinds of errors and types of messages."""
    return [item.kind if isinstance(item, DecodeError) else type(item).__name__ for item in items]


def logged_in() -> tuple[Session, gt06.Gt06Decoder]:
    """A decoder behind its login."""
    session = new_session()
    decoder = gt06.Gt06Decoder(session)
    assert kinds(feed(decoder, LOGIN)) == ["Login"]
    return session, decoder


def test_garbage_is_one_error_whatever_its_length() -> None:
    _, decoder = logged_in()
    assert kinds(feed(decoder, b"\0" * 3000 + BEAT)) == ["garbage", "Heartbeat"]


def test_frames_that_are_wrong_one_after_the_other_are_one_error() -> None:
    _, decoder = logged_in()
    wrong = BEAT[:5] + b"\xff" + BEAT[6:]
    assert kinds(feed(decoder, wrong * 20 + BEAT)) == ["checksum", "Heartbeat"]


def test_one_error_stands_for_a_bounded_number_of_bytes() -> None:
    _, decoder = logged_in()
    wrong = BEAT[:5] + b"\xff" + BEAT[6:]
    items = feed(decoder, wrong * (3 * SKIP_LIMIT // len(wrong)) + BEAT)
    assert kinds(items) == ["checksum"] * 3 + ["Heartbeat"]


def test_the_end_of_garbage_may_be_the_start_of_a_frame() -> None:
    _, decoder = logged_in()
    assert kinds(feed(decoder, b"\x01\x02\x78")) == ["garbage"]
    assert decoder.buffered == 1
    assert kinds(feed(decoder, BEAT[1:])) == ["Heartbeat"]


def test_a_promise_of_too_much_is_broken_by_the_next_frame() -> None:
    """A damaged length would swallow reports for minutes; a right frame inside proves it wrong."""
    _, decoder = logged_in()
    greedy = b"\x79\x79" + LONG_MOST.to_bytes(2, "big") + BEAT[3:]
    assert kinds(feed(decoder, greedy)) == []
    assert kinds(feed(decoder, BEAT, 1)) == ["length", "Heartbeat"]
    assert decoder.buffered == 0


def test_a_frame_within_a_whole_frame_is_its_content() -> None:
    _, decoder = logged_in()
    outer = pack(0x9B, BEAT + b"\x78\x78", 7, long=True)
    (notice,) = feed(decoder, outer)
    assert notice.attributes["data"] == (BEAT + b"\x78\x78").hex()  # type: ignore[union-attr]


def test_lengths_beyond_reason_are_not_waited_for() -> None:
    _, decoder = logged_in()
    assert kinds(feed(decoder, b"\x79\x79\xff\xff" + bytes(10) + BEAT)) == ["garbage", "Heartbeat"]
    assert kinds(feed(decoder, b"\x78\x78\x04" + bytes(10) + BEAT)) == ["garbage", "Heartbeat"]


def test_half_a_frame_is_given_up_when_others_come_late() -> None:
    session, decoder = logged_in()
    assert kinds(feed(decoder, b"\x78\x78\xf0\x12" + bytes(20))) == []
    session.now += GT06.patience_s
    assert kinds(feed(decoder, b"\0")) == []
    session.now += GT06.patience_s + 0.1
    assert kinds(feed(decoder, b"\0")) == ["timeout"]
    assert decoder.buffered == 0


def test_a_late_rest_that_is_right_is_still_right() -> None:
    session, decoder = logged_in()
    assert kinds(feed(decoder, BEAT[:7])) == []
    session.now += 3600
    assert kinds(feed(decoder, BEAT[7:])) == ["Heartbeat"]


def test_lateness_is_forgotten_with_the_frame() -> None:
    session, decoder = logged_in()
    feed(decoder, BEAT[:7])
    session.now += 3600
    feed(decoder, BEAT[7:] + BEAT[:7])
    assert decoder.buffered == 7
    assert kinds(feed(decoder, BEAT[7:])) == ["Heartbeat"]


def test_topin_frames_have_no_checksum_and_never_pass() -> None:
    """Login of a Topin device: the same mark, no serial, no CRC."""
    topin = bytes.fromhex("78780D01035933907500524434 0D0A".replace(" ", ""))
    decoder = gt06.Gt06Decoder(new_session())
    assert kinds(feed(decoder, topin)) == []
    assert kinds(feed(decoder, topin)) == ["length"]
    assert probe(GT06, topin * 8) is Match.MORE


class CountingFraming:
    """Counts how often a frame is looked for."""

    def __init__(self) -> None:
        self.sizes = 0


def test_a_stream_of_marks_costs_the_same_for_every_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte that comes leads to a bounded number of looks at possible frames."""
    counting = CountingFraming()

    def counted(data: bytes | bytearray, at: int) -> int:
        counting.sizes += 1
        return GT06.size(data, at)

    framing = type(GT06)(GT06.start, counted, GT06.fault, GT06.patience_s)
    monkeypatch.setattr(gt06.Gt06Decoder, "framing", framing)
    decoder = gt06.Gt06Decoder(new_session())
    sent = b"\x79\x79\x0f\xfe" * 500
    feed(decoder, sent, 1)
    looks_per_byte = counting.sizes / len(sent)
    assert looks_per_byte <= 4 * (OPEN_STARTS_MOST + 2)


def test_unknown_commands_are_believed_only_in_step() -> None:
    """Behind a skipped byte a frame must be one that is known, since its mark is one byte."""
    decoder = frame55.Frame55Decoder(new_session())
    unknown = bytes.fromhex("55 01 42 00 16")
    assert kinds(feed(decoder, unknown)) == ["Refused"]
    assert kinds(feed(decoder, b"\0" + unknown + bytes.fromhex("55 01 02 00 56"))) == [
        "garbage",
        "Refused",
    ]
    assert kinds(feed(decoder, unknown)) == ["Refused"]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", Match.MORE),
        (b"\x55", Match.MORE),
        (b"\x55\x01", Match.MORE),
        (b"\x55\x01\x42", Match.MORE),  # no frame, but too little to give up
        (b"\x55\x01\x02\x00\x56", Match.YES),
        (b"\x00\x55\x01\x02\x00\x56", Match.YES),
        (b"\x55\x01\x02\x00\x57", Match.MORE),
        (b"\x00" * 63, Match.MORE),
        (b"\x00" * 64, Match.NO),
        (b"\x00" * 64 + b"\x55\x01\x02\x00\x56", Match.YES),
        (b"User-Agent: curl/8.5", Match.NO),
    ],
)
def test_probe(data: bytes, match: Match) -> None:
    assert probe(FRAME55, data) is match


def test_the_rest_of_a_frame_may_come_later_than_its_messages() -> None:
    """Two frames in one read come out one by one, and the half of a third stays."""
    _, decoder = logged_in()
    decoder.receive_data(BEAT + BEAT + BEAT[:5])
    assert isinstance(decoder.next_message(), Heartbeat)
    assert isinstance(decoder.next_message(), Heartbeat)
    assert decoder.next_message() is None
    assert decoder.buffered == 5
