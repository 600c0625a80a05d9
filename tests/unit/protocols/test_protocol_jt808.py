"""JT/T 808 beyond its transcripts: codes, serials, records, split messages, marks."""

from __future__ import annotations

import struct

import pytest

from tests.unit.protocols.test_protocol_robustness import frame_of
from tests.unit.protocols.transcripts import NOW, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import (
    NOBODYS,
    Heartbeat,
    Login,
    Match,
    Notice,
    Positions,
    Refused,
    Reply,
)
from tracker.protocols.jt808 import Jt808Decoder, clone
from tracker.protocols.jt808.link import CODE_DIGITS, UNANSWERED_MOST, Link
from tracker.protocols.jt808.marks import probe
from tracker.protocols.jt808.outbound import KEPT_MOST, LONG_MOST
from tracker.protocols.jt808.splits import (
    BYTES_MOST,
    MEDIA,
    MESSAGES_MOST,
    NAMED_MOST,
    PACKETS_MOST,
    PATIENCE_S,
    REQUESTS_MOST,
    Splits,
)
from tracker.protocols.jt808.wire import (
    BODY_MOST,
    FRAME_MOST,
    Frame,
    Head,
    escape,
    pack,
    unescape,
)

PHONE = bytes.fromhex("012345678901")
HEAD = Head(PHONE, -1)
PLACE = bytes.fromhex("00000000 00000003 0157EEE0 06CC66F8 0032 016D 005A 250301083015")
FIX_TIME = 1_740_789_015.0


def sent(message: int, body: bytes = b"", serial: int = 1) -> bytes:
    """A message as a terminal of 2013 sends it."""
    head = struct.pack(">HH", message, len(body)) + PHONE + struct.pack(">H", serial)
    return frame_of(head + body)


def test_codes_are_the_same_on_every_node_and_differ_between_terminals() -> None:
    one, two = Link(new_session()), Link(new_session({"now": NOW + 1e6}))
    assert one.code("012345678901") == two.code("012345678901")
    assert one.code("012345678901") != one.code("012345678902")
    assert one.code("012345678901") != Link(new_session({"auth_key": b"other"})).code(
        "012345678901"
    )
    assert len(one.code("1")) == CODE_DIGITS
    assert one.code("1").isalnum()


def test_the_record_of_the_terminal_counts_from_the_first_location_on() -> None:
    """The Login that a location implies comes out before the location is worked out."""
    session = new_session()
    decoder = Jt808Decoder(session)
    decoder.receive_data(sent(0x0200, PLACE))
    assert isinstance(decoder.next_message(), Login)
    session.utc_offset_s = -5 * 3600
    positions = decoder.next_message()
    assert isinstance(positions, Positions)
    assert positions.fixes[0].fix_time == FIX_TIME + 13 * 3600


def test_our_serials_count_on_and_wrap() -> None:
    decoder = Jt808Decoder(new_session())
    decoder.link.serial = 0xFFFE
    serials = []
    for _ in range(4):
        *_, message = feed(decoder, sent(0x0002))
        assert isinstance(message, Heartbeat)
        serials.append(message.answer[11:13].hex())
    assert serials == ["fffe", "ffff", "0000", "0001"]


def test_a_refusal_takes_the_place_and_the_serial_of_the_answer() -> None:
    decoder = Jt808Decoder(new_session())
    login, heartbeat = feed(decoder, sent(0x0002))
    assert isinstance(login, Login)
    assert isinstance(heartbeat, Heartbeat)
    assert login.refusal[11:13] == heartbeat.answer[11:13]
    assert (login.refusal[-3], heartbeat.answer[-3]) == (1, 0)


def test_commands_that_are_never_answered_are_forgotten() -> None:
    decoder = Jt808Decoder(new_session())
    feed(decoder, sent(0x0002))
    for reference in range(1, UNANSWERED_MOST + 2):
        decoder.encode(Command(CommandKind.REBOOT, reference))
    first, last = 1, UNANSWERED_MOST + 1
    replies = [
        feed(decoder, sent(0x0001, struct.pack(">HHB", serial, 0x8105, 0)))[0]
        for serial in (first, last, last)
    ]
    assert all(isinstance(reply, Reply) for reply in replies)
    assert [reply.reference for reply in replies] == [NOBODYS, last, NOBODYS]  # type: ignore[union-attr]


def test_a_command_needs_a_terminal_that_has_spoken() -> None:
    with pytest.raises(CommandError, match="not been heard"):
        Jt808Decoder(new_session()).encode(Command(CommandKind.LOCATE))


def test_commands_are_written_for_the_version_heard_last() -> None:
    decoder = Jt808Decoder(new_session())
    feed(decoder, sent(0x0002))
    assert decoder.encode(Command(CommandKind.LOCATE))[3:5] == b"\x00\x00"
    head = b"\x00\x02\x40\x00\x01" + bytes(4) + PHONE + b"\x00\x05"
    feed(decoder, frame_of(head))
    assert decoder.encode(Command(CommandKind.LOCATE))[3:5] == b"\x40\x00"


@pytest.mark.parametrize("plain", [b"\x7d\x7e", b"\x7d\x01", b"\x7d\x02", b"\x7e\x7d\x7d", b""])
def test_escaping(plain: bytes) -> None:
    assert unescape(escape(plain)) == plain
    assert b"\x7e" not in escape(plain)


def packet(number: int, of: int, body: bytes = b"x", message: int = 0x0704) -> Frame:
    return Frame(HEAD, message, 100 + number, body, of, number)


def test_packets_in_any_order() -> None:
    splits = Splits()
    for number in (3, 1, 4, 1):
        split = splits.add(packet(number, 4, bytes((number,))), NOW)
        assert not split.complete
    assert split.missing == [2]
    split = splits.add(packet(2, 4, b"\2"), NOW)
    assert split.complete
    assert split.body == b"\1\2\3\4"
    assert not splits


def test_split_messages_of_several_terminals_do_not_mix() -> None:
    splits = Splits()
    other = packet(2, 2, b"B")._replace(head=Head(bytes(6), -1))
    assert not splits.add(packet(1, 2, b"A"), NOW).complete
    assert not splits.add(other, NOW).complete
    assert splits.add(packet(2, 2, b"a"), NOW).body == b"Aa"


def test_the_oldest_of_too_many_is_dropped() -> None:
    splits = Splits()
    for message in range(MESSAGES_MOST + 1):
        splits.add(packet(1, 2, b"x", message), NOW + message)
    assert splits.held == MESSAGES_MOST
    assert not splits.add(packet(2, 2, b"y", 0), NOW + 9).complete, "its first packet is gone"
    assert splits.add(packet(2, 2, b"y", MESSAGES_MOST), NOW + 9).complete


def test_too_many_bytes_are_given_up() -> None:
    splits = Splits()
    body = bytes(1000)
    fitting = BYTES_MOST // len(body)
    for number in range(1, fitting + 1):
        splits.add(packet(number, 100, body), NOW)
    with pytest.raises(DecodeError, match="bytes"):
        splits.add(packet(fitting + 1, 100, body), NOW)
    assert splits.held == 0


def test_recordings_are_counted_and_not_held() -> None:
    splits = Splits()
    body = bytes(1000)
    for number in range(1, PACKETS_MOST + 1):
        split = splits.add(packet(number, PACKETS_MOST, body, MEDIA), NOW)
        assert splits.held <= len(body)
    assert split.complete
    assert split.size == PACKETS_MOST * 1000


def test_a_request_names_as_many_as_fit() -> None:
    split = Splits().add(packet(1, PACKETS_MOST, message=MEDIA), NOW)
    assert split.missing == list(range(2, NAMED_MOST + 2))


def test_what_is_overdue() -> None:
    splits = Splits()
    splits.add(packet(1, 2), NOW)
    assert splits.overdue(NOW + PATIENCE_S - 1) == ([], 0)
    for asked in range(1, REQUESTS_MOST + 1):
        (split,), lost = splits.overdue(NOW + asked * PATIENCE_S)
        assert (split.requests, lost) == (asked, 0)
    assert splits.overdue(NOW + (REQUESTS_MOST + 1) * PATIENCE_S) == ([], 1)
    assert not splits


def test_marks_may_be_shared_between_frames() -> None:
    decoder = Jt808Decoder(new_session())
    beat = sent(0x0002)
    items = feed(decoder, beat + beat[1:] + beat[1:])
    assert [type(item) for item in items] == [Login, Heartbeat, Heartbeat, Heartbeat]


def test_garbage_before_the_first_mark() -> None:
    decoder = Jt808Decoder(new_session())
    items = feed(decoder, b"\0\1\2" + sent(0x0002))
    assert isinstance(items[0], DecodeError)
    assert (items[0].kind, items[0].value) == ("garbage", b"\0\1\2")
    assert isinstance(items[-1], Heartbeat)
    assert isinstance(feed(Jt808Decoder(new_session()), b"\0\1\2")[0], DecodeError)


def test_no_mark_within_the_longest_frame() -> None:
    decoder = Jt808Decoder(new_session())
    assert feed(decoder, b"\x7e" + bytes(FRAME_MOST - 1)) == []
    (error,) = feed(decoder, bytes(1))
    assert isinstance(error, DecodeError)
    assert error.kind == "length"
    assert decoder.buffered == 0
    assert isinstance(feed(decoder, sent(0x0002))[-1], Heartbeat)


def test_the_longest_frame_fits() -> None:
    decoder = Jt808Decoder(new_session())
    head = b"\x09\x00\x63\xff\x01" + bytes.fromhex("7e7d7e7d7e7d7e7d7e7d") + b"\x7e\x7d"
    content = head + b"\x00\x01\x00\x01" + b"\x7e" * 1023
    frame = frame_of(content)
    assert FRAME_MOST - 30 < len(frame) <= FRAME_MOST + 2
    login, *_ = feed(decoder, frame, 500)
    assert isinstance(login, Login)


def test_a_refused_frame_is_not_repeated_for_ever() -> None:
    decoder = Jt808Decoder(new_session())
    login, error, refused = feed(decoder, sent(0x0200, PLACE[:20]))
    assert isinstance(login, Login)
    assert isinstance(error, DecodeError)
    assert isinstance(refused, Refused)
    assert refused.answer[13:18] == b"\x00\x01\x02\x00\x02"


def heard() -> Jt808Decoder:
    """A decoder whose terminal has spoken; our next serial is 1."""
    decoder = Jt808Decoder(new_session())
    feed(decoder, sent(0x0002))
    return decoder


def packets_of(data: bytes) -> list[bytes]:
    """Frames that stand one behind the other, unescaped and without marks and checksum."""
    return [unescape(part)[:-1] for part in data.split(b"\x7e") if part]


def custom(size: int, reference: int = 7) -> Command:
    text = "8103 " + bytes(index % 251 for index in range(size)).hex()
    return Command(CommandKind.CUSTOM, reference, {"text": text})


def test_a_long_command_goes_out_in_packets() -> None:
    decoder = heard()
    packets = packets_of(decoder.encode(custom(2 * BODY_MOST + 5)))
    heads = [struct.unpack(">HH6xHHH", packet[:16]) for packet in packets]
    assert [head[0] for head in heads] == [0x8103] * 3
    assert [head[1] for head in heads] == [0x2000 | BODY_MOST] * 2 + [0x2000 | 5]
    assert [head[2:] for head in heads] == [(1, 3, 1), (2, 3, 2), (3, 3, 3)]
    body = b"".join(packet[16:] for packet in packets)
    assert body == bytes(index % 251 for index in range(2 * BODY_MOST + 5))
    assert struct.unpack(">H", packets_of(decoder.encode(custom(1)))[0][10:12]) == (4,)


def test_a_long_command_is_answered_by_its_last_packet_or_a_failed_one() -> None:
    decoder = heard()
    for first, failed in ((1, False), (4, True)):
        decoder.encode(custom(2 * BODY_MOST + 5))
        items = [
            feed(decoder, sent(0x0001, struct.pack(">HHB", first + place, 0x8103, result)))[0]
            for place, result in enumerate((0, int(failed), 0))
        ]
        told = [(item.reference, item.success) for item in items if isinstance(item, Reply)]
        assert told == ([(7, False), (None, True)] if failed else [(7, True)])
        assert isinstance(items[0], Heartbeat)


def test_packets_that_the_terminal_misses_are_sent_again() -> None:
    decoder = heard()
    packets = packets_of(decoder.encode(custom(2 * BODY_MOST + 5)))
    for message, layout in ((0x0005, ">HHHHH"), (0x8003, ">HBHHH")):
        (again,) = feed(decoder, sent(message, struct.pack(layout, 1, 3, 3, 1, 9)))
        assert isinstance(again, Heartbeat)
        assert packets_of(again.answer) == [packets[2], packets[0]]
    (unknown,) = feed(decoder, sent(0x0005, struct.pack(">HHH", 2, 1, 1)))
    assert isinstance(unknown, Notice)
    assert unknown.answer == b""


def test_what_is_kept_for_resending_is_bounded() -> None:
    decoder = heard()
    for _ in range(KEPT_MOST + 3):
        decoder.encode(custom(LONG_MOST))
        assert decoder.link.outbound.held <= KEPT_MOST * 2 * (LONG_MOST + 16 * 16)
    (gone,) = feed(decoder, sent(0x0005, struct.pack(">HHH", 1, 1, 1)))
    assert isinstance(gone, Notice)
    with pytest.raises(CommandError, match="at most"):
        decoder.encode(custom(LONG_MOST + 1))


def unescaped(message: int, body: bytes, serial: int = 1) -> bytes:
    """A message of a terminal that does not escape."""
    content = struct.pack(">HH", message, len(body)) + PHONE + struct.pack(">H", serial) + body
    check = 0
    for byte in content:
        check ^= byte
    return b"\x7e" + content + bytes((check,)) + b"\x7e"


BARE = PLACE[:10] + b"\x7e\x7e" + PLACE[12:] + b"\x01\x04\x7d\x01\x7e\x7d"


def test_a_terminal_that_does_not_escape_is_read_and_recognised() -> None:
    frame = unescaped(0x0200, BARE)
    _, positions = feed(Jt808Decoder(new_session()), frame)
    assert isinstance(positions, Positions)
    assert positions.fixes[0].attributes["odometer_m"] == 0x7D017E7D * 100
    verdicts = [probe(frame[:size]) for size in range(len(frame) + 1)]
    assert verdicts == [Match.MORE] * len(frame) + [Match.YES]


def test_no_single_damaged_byte_passes_for_an_unescaped_message() -> None:
    """Of either kind of terminal, whatever one byte becomes, and with right messages behind it."""
    for right in (sent(0x0200, BARE), unescaped(0x0200, BARE)):
        behind = sent(0x0002, serial=0x7D7E)
        for at in range(1, len(right) - 1):
            for value in (0, 1, 0x02, 0x7D, 0x7E, 0xFF, right[at] ^ 1, right[at] ^ 0x80):
                damaged = right[:at] + bytes((value,)) + right[at + 1 :]
                items = feed(heard(), damaged + behind + behind)
                places = [item for item in items if isinstance(item, Positions)]
                assert len(places) == (value == right[at]), (at, value)
                assert isinstance(items[-1], Heartbeat)


def test_a_checksum_over_what_was_escaped_is_damage() -> None:
    """It differs from the right one in a single bit, and so would excuse a flipped one."""
    content = struct.pack(">HH", 0x0200, len(BARE)) + PHONE + b"\0\1" + BARE + b"\x7d"
    escaped = escape(content[:-1])
    check = 0
    for byte in escaped:
        check ^= byte
    items = feed(heard(), b"\x7e" + escaped + bytes((check,)) + b"\x7e")
    assert [getattr(item, "kind", "") for item in items] == ["checksum"]


def test_a_right_checksum_ends_a_message_whatever_its_length_says() -> None:
    """Or the messages behind one with a wrong length could be taken for the rest of it."""
    head = struct.pack(">HH", 0x0002, 5) + PHONE + b"\0\1"
    wrong = frame_of(head)
    items = feed(heard(), wrong + frame_of(b"\1") + b"\x7e" + sent(0x0002))
    kinds = [item.kind for item in items if isinstance(item, DecodeError)]
    assert kinds == ["length", "length"]
    assert isinstance(items[-1], Heartbeat)


def test_a_recording_whose_first_packet_is_missing_is_asked_for_by_serial() -> None:
    decoder = heard()
    head = b"\x08\x01\x20\x04" + PHONE + b"\x00\x12\x00\x02\x00\x02"
    (asked,) = feed(decoder, frame_of(head + b"data"))
    assert isinstance(asked, Heartbeat)
    assert packets_of(asked.answer)[1][12:] == b"\x00\x11\x01\x00\x01"
    first = b"\x08\x01\x20\x08" + PHONE + b"\x00\x11\x00\x02\x00\x01"
    heartbeat, notice = feed(decoder, frame_of(first + b"\0\0\0\x4d\0\0\1\2"))
    assert isinstance(heartbeat, Heartbeat)
    assert isinstance(notice, Notice)
    assert packets_of(notice.answer)[0][12:] == b"\0\0\0\x4d"


CLONE = pack(Head(bytes.fromhex("01234567890123"), -1), 0x0002, 0xE7, b"")


def test_clones_are_recognised_by_a_whole_message() -> None:
    assert CLONE[0] == CLONE[-1] == 0xE7
    assert [probe(CLONE[:size]) for size in range(1, len(CLONE))] == [Match.MORE] * (len(CLONE) - 1)
    assert probe(CLONE) == Match.YES
    for at in range(1, len(CLONE) - 1):
        damaged = CLONE[:at] + bytes((CLONE[at] ^ 1,)) + CLONE[at + 1 :]
        assert probe(damaged) != Match.YES


@pytest.mark.parametrize("plain", [b"", b"\xe6\x01", b"\xe7", b"\x3d\x3e\x02", bytes(range(256))])
def test_escaping_of_clones(plain: bytes) -> None:
    written = clone.escape(plain)
    assert b"\xe7" not in written
    assert clone.unescape(written) == plain


def test_a_mark_of_a_clone_that_begins_nothing_is_garbage() -> None:
    decoder = Jt808Decoder(new_session())
    errors = feed(decoder, b"\xe7" + bytes(40))
    assert [type(item) for item in errors] == [DecodeError]
    assert not decoder.buffered
    assert [type(item) for item in feed(decoder, CLONE)] == [Login, Heartbeat]


def test_a_message_of_a_clone_is_no_longer_than_any() -> None:
    decoder = Jt808Decoder(new_session())
    assert not feed(decoder, b"\xe7\x02\x00" + bytes(FRAME_MOST - 3))
    assert [type(item) for item in feed(decoder, b"\0")] == [DecodeError]
    assert not decoder.buffered
