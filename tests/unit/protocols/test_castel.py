"""Castel: what transcripts do not show: damage, first bytes, bounds, and a simulated device."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.castel import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, as_stated, close
from tests.unit.protocols.text_damage import kinds
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Login, Match, Message, Positions, Reply
from tracker.protocols.castel import FAMILY, obd
from tracker.protocols.castel.decoder import CC, SC
from tracker.protocols.castel.others import MPIP as MPIP_TYPES
from tracker.protocols.castel.wire import FRAME_MOST, MPIP, pack
from tracker.protocols.checks import crc16_x25
from tracker.protocols.detect import detect
from tracker.protocols.unanswered import UNANSWERED_MOST

ID = b"213L2020000001"
BEAT = pack(4, ID, 0x1003)
STATE = bytes(34)
PLACE = bytes.fromhex("010319001E0FA0DED604F0537918E80389039F")
REPORT = pack(4, ID, 0x4001, b"\0" + STATE + b"\1" + PLACE)


def of_mpip(kind: int, content: bytes) -> bytes:
    """A frame as an MPIP device sends it."""
    rest = ID.ljust(20, b"\0") + kind.to_bytes(2, "big") + content
    body = b"$$" + (len(rest) + 8).to_bytes(2, "little") + rest
    return body + crc16_x25(body).to_bytes(2, "little") + b"\r\n"


def test_the_login_is_named_once() -> None:
    decoder = FAMILY.decoder(new_session())
    assert kinds(feed(decoder, BEAT + REPORT)) == ["Login", "Heartbeat", "Positions"]
    other = pack(4, b"213L2020000002", 0x1003)
    assert kinds(feed(decoder, REPORT + other)) == ["Positions", "Login", "Heartbeat"]


def test_an_answer_repeats_the_identity_as_it_came() -> None:
    spaced = pack(4, ID + b"  ", 0x1003)
    login, beat = feed(FAMILY.decoder(new_session()), spaced)
    assert isinstance(login, Login)
    assert login.ident == ID.decode()
    assert isinstance(beat, Message)
    assert beat.answer == pack(4, ID + b"  ", 0x9003)


@pytest.mark.parametrize("ident", [b"", b"\0ABC", b"A\0B", b"\xff\xfe", b"two words"])
def test_an_identity_that_is_none_is_refused(ident: bytes) -> None:
    assert kinds(feed(FAMILY.decoder(new_session()), pack(4, ident, 0x1003))) == ["field"]


@pytest.mark.parametrize("name", ["REPORT", "MPIP"])
def test_the_frame_behind_any_damaged_byte_is_found(name: str) -> None:
    frame = REPORT if name == "REPORT" else of_mpip(0x4201, PLACE)
    for at in range(len(frame)):
        for value in {0, 0x24, 0x40, 0xFF, frame[at] ^ 1} - {frame[at]}:
            damaged = frame[:at] + bytes((value,)) + frame[at + 1 :]
            decoder = FAMILY.decoder(new_session())
            found = kinds(feed(decoder, damaged + frame))
            assert found.count("Positions") == 1, (at, value, found)
            assert decoder.buffered == 0, (at, value)


def test_the_frame_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(REPORT)):
        for piece in (REPORT[:size], REPORT[size:]):
            decoder = FAMILY.decoder(new_session())
            assert kinds(feed(decoder, piece + REPORT))[-1] == "Positions", piece.hex()
            assert decoder.buffered == 0


def test_a_stream_of_start_marks_is_bounded() -> None:
    decoder = FAMILY.decoder(new_session())
    assert feed(decoder, b"@@\xff\x07" * 8192, 4096)
    assert decoder.buffered <= FRAME_MOST + 4096


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_right_frames_of_any_content(data: st.DataObject) -> None:
    """A checksum says nothing about what is inside."""
    types = st.sampled_from(sorted({*SC, *CC, *MPIP_TYPES})) | st.integers(0, 65_535)
    start = st.sampled_from([b"", STATE, PLACE, b"\0" + STATE + b"\1" + PLACE])
    content = st.builds(bytes.__add__, start, st.binary(max_size=90))
    whole = st.builds(pack, st.integers(0, 13), st.just(ID), types, content)
    sent = data.draw(st.lists(whole | st.builds(of_mpip, types, content), max_size=5))
    decoder = FAMILY.decoder(new_session())
    for item in feed(decoder, b"".join(sent)):
        assert isinstance(item, Message | DecodeError)
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert -180 <= fix.lon <= 180
            assert 0 <= fix.course_deg < 360


def test_an_alarm_whose_list_is_cut_off_is_refused() -> None:
    cut = pack(4, ID, 0x4007, bytes(4) + STATE + b"\0\2\1\4\0\0\0\0")
    assert kinds(feed(FAMILY.decoder(new_session()), cut)) == ["Login", "length"]


def test_questions_that_nobody_answers_are_forgotten() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, BEAT)
    for reference in range(1, 3 * UNANSWERED_MOST):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    answers = [
        pack(4, ID, 0xB001, number.to_bytes(2, "little") + STATE + b"\0")
        for number in (1, 3 * UNANSWERED_MOST - 1, 3 * UNANSWERED_MOST - 1)
    ]
    assert kinds(feed(decoder, b"".join(answers))) == ["Heartbeat", "Reply", "Heartbeat"]


def test_trouble_codes() -> None:
    """SAE J2012: two bits of letter, two of the first digit."""
    assert [obd.code(number) for number in (0x0326, 0x4123, 0x9234, 0xFFFF)] == [
        "P0326",
        "C0123",
        "B1234",
        "U3FFF",
    ]


# -- first bytes


def test_the_first_frame_decides_with_its_last_byte() -> None:
    for first in (BEAT, REPORT, of_mpip(0x4201, PLACE)):
        for size in range(len(first)):
            assert FAMILY.probe(first[:size]) is Match.MORE, size
        assert detect(first) is FAMILY


def test_a_right_frame_behind_a_damaged_one_decides() -> None:
    damaged = BEAT[:-4] + b"\0\0\r\n"
    assert FAMILY.probe(damaged) is Match.MORE
    assert FAMILY.probe(damaged + BEAT) is Match.YES


def test_a_first_frame_longer_than_the_limit_decides_by_its_head() -> None:
    login = pack(4, ID, 0x1001, STATE + b"\0" + b"IDD-213\0" * 2 + bytes(300))
    assert FAMILY.probe(login[:255]) is Match.MORE
    assert FAMILY.probe(login[:256]) is Match.YES
    nameless = login[:5] + b"\x01" * 20 + login[25:256]
    assert FAMILY.probe(nameless) is Match.MORE


@pytest.mark.parametrize("data", [b"@@ is a mark in many texts", b"$$A123,356307042441013,AAA"])
def test_text_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO


# -- commands


def test_nothing_is_asked_of_a_device_that_has_not_spoken() -> None:
    decoder = FAMILY.decoder(new_session({"ident": ID.decode()}))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.CUSTOM, 1, {"text": "300101"}))


def test_mpip_has_frames_without_a_version() -> None:
    decoder = FAMILY.decoder(new_session())
    feed(decoder, of_mpip(0x4201, PLACE))
    frame = decoder.encode(Command(CommandKind.CUSTOM, 1, {"text": "7777"}))
    assert frame == pack(MPIP, ID, 0x7777)
    assert frame[4:18] == ID


# -- a simulated device


@settings(max_examples=150, deadline=None)
@given(fixes=st.lists(FIXES, min_size=1, max_size=12))
def test_any_fix_arrives_as_it_was_stated(fixes: list[Fix]) -> None:
    terminal = SIMULATED.terminal(SIMULATED.ident(1), {})
    decoder = FAMILY.decoder(new_session())
    feed(decoder, terminal.hello())
    for frame, stored in (
        (terminal.position(fixes[0]), False),
        (terminal.backlog(fixes), True),
    ):
        (found,) = feed(decoder, frame.data)
        assert isinstance(found, Positions)
        assert len(found.fixes) == frame.fixes
        for one, fix in zip(found.fixes, fixes, strict=False):
            assert one.stored is stored
            assert close(as_stated(one), SIMULATED.stated(fix))


def test_the_answer_to_a_heartbeat_vouches_for_positions() -> None:
    terminal = SIMULATED.terminal(SIMULATED.ident(1), {})
    decoder = FAMILY.decoder(new_session())
    items = feed(decoder, terminal.hello())
    said = [
        answer.kind.value
        for item in items
        if isinstance(item, Message)
        for answer in terminal.receive(item.answer)
    ]
    assert said == ["accepted"]
    beat = terminal.heartbeat(None)
    (answer,) = feed(decoder, beat)
    assert isinstance(answer, Message)
    assert [one.kind.value for one in terminal.receive(answer.answer)] == ["beat"]


def test_a_simulated_device_answers_where_it_is() -> None:
    terminal = SIMULATED.terminal(SIMULATED.ident(1), {})
    decoder = FAMILY.decoder(new_session())
    feed(decoder, terminal.hello())
    fix = Fix(1_740_789_015.0, 22.54, 114.059, 36.0, 90.0)
    feed(decoder, terminal.position(fix).data)
    (answer,) = terminal.receive(decoder.encode(Command(CommandKind.LOCATE, 4711, {})))
    decoder.receive_data(answer.reply)
    (reply,) = drain(decoder)
    assert isinstance(reply, Reply)
    assert (reply.reference, len(reply.fixes)) == (4711, 1)
    assert close(as_stated(reply.fixes[0]), SIMULATED.stated(fix))
