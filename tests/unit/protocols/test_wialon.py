"""Wialon IPS beyond the transcripts: datagrams, blocks in pieces, bounds, first bytes."""

from __future__ import annotations

import zlib

import pytest

from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Login, Match, Message, Notice, Positions, Refused, Reply
from tracker.protocols.wialon import FAMILY, WialonDecoder
from tracker.protocols.wialon.point import PARAMETERS_MOST
from tracker.protocols.wialon.wire import BLOCK_MOST, LINE_MOST, STRANGER_MOST, UNANSWERED_MOST

LOGIN = b"#L#2.0;356307042441013;NA;CF2A\r\n"
OLD_LOGIN = b"#L#356307042441013;NA\r\n"
BODY = b"010325;003015;2232.4000;N;11403.5400;E;36;90;50;9"
SHORT = b"#SD#" + BODY + b";4BBE\r\n"


def container(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"\xff" + len(packed).to_bytes(2, "little") + packed


def logged_in(login: bytes = LOGIN) -> WialonDecoder:
    decoder = WialonDecoder(new_session())
    assert [type(item) for item in feed(decoder, login)] == [Login]
    return decoder


def messages(items: list[Message | DecodeError]) -> list[Message]:
    return [item for item in items if isinstance(item, Message)]


def by_udp() -> WialonDecoder:
    return WialonDecoder(new_session({"options": {"udp": True}}))


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
@pytest.mark.parametrize(
    "sent", [b"2.0;356307042441013" + SHORT.rstrip(), b"356307042441013#SD#" + BODY]
)
def test_a_datagram_needs_no_login_and_no_end(sent: bytes, end: bytes) -> None:
    login, positions = feed(by_udp(), sent + end)
    assert isinstance(login, Login)
    assert login.ident == "356307042441013"
    assert isinstance(positions, Positions)
    assert positions.answer == b"#ASD#1\r\n"


def test_a_compressed_datagram() -> None:
    login, positions = feed(by_udp(), container(b"2.0;356307042441013" + SHORT))
    assert isinstance(login, Login)
    assert isinstance(positions, Positions)


def test_half_a_datagram_is_not_finished_by_the_next() -> None:
    decoder = by_udp()
    whole = container(b"2.0;356307042441013" + SHORT)
    decoder.receive_data(whole[:-9])
    assert [type(item) for item in drain(decoder)] == [DecodeError]
    decoder.receive_data(whole)
    assert [type(item) for item in drain(decoder)] == [Login, Positions]


def test_the_version_of_a_datagram_is_not_that_of_the_connection() -> None:
    decoder = logged_in(OLD_LOGIN)
    sent = b"2.0;356307042441013" + SHORT + b"#SD#" + BODY + b"\r\n"
    assert [type(item) for item in feed(decoder, sent)] == [Positions, Positions]


def test_commands_are_not_sent_in_datagrams() -> None:
    decoder = by_udp()
    feed(decoder, b"2.0;356307042441013" + SHORT)
    with pytest.raises(CommandError, match="TCP"):
        decoder.encode(Command(CommandKind.TEXT, 1, {"text": "hello"}))


def test_every_damaged_byte_of_a_line_is_noticed() -> None:
    """Whatever becomes of a line, no wrong position comes out of it, and the next is read."""
    for at in range(len(SHORT) - 2):
        for value in {0x23, 0x30, 0x3B, 0x7C, 0xFF, SHORT[at] ^ 1} - {SHORT[at]}:
            damaged = SHORT[:at] + bytes((value,)) + SHORT[at + 1 :]
            items = feed(logged_in(), damaged + SHORT)
            assert [type(item) for item in items].count(Positions) == 1, (at, value)
            assert isinstance(items[-1], Positions)


def test_small_letters_in_a_crc_are_no_damage() -> None:
    items = feed(logged_in(), SHORT.replace(b"4BBE", b"4bbe"))
    assert [type(item) for item in items] == [Positions]


def test_a_block_may_come_in_any_pieces_and_hold_whole_lines() -> None:
    block = SHORT * 3 + bytes(range(256))
    head = f"#I#{len(block)};0;1;010325;003015;front.jpg\r\n".encode()
    decoder = logged_in(OLD_LOGIN)
    items = feed(decoder, head + block + b"\r\n" + SHORT, 7)
    assert [type(item) for item in items] == [Notice, Positions]
    assert items[0].attributes["size_bytes"] == len(block)  # type: ignore[union-attr]


def test_a_block_that_is_too_great_is_not_waited_for() -> None:
    decoder = logged_in()
    head = f"#I#{BLOCK_MOST + 1};0;1;010325;003015;a.jpg;1\r\n".encode()
    assert [type(item) for item in feed(decoder, head + SHORT)] == [DecodeError, Positions]


def test_lines_are_bounded_more_narrowly_before_the_login() -> None:
    decoder = WialonDecoder(new_session())
    items = feed(decoder, b"#D#" + b"x" * (STRANGER_MOST + 10), 500)
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["length"]
    assert decoder.buffered < STRANGER_MOST
    items = feed(decoder, b"\r\n" + LOGIN)
    assert isinstance(items[-1], Login)
    items = feed(decoder, b"#M#" + b"x" * LINE_MOST, 65_536)
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["length"]
    assert decoder.buffered < STRANGER_MOST


def test_a_compressed_bomb_is_refused() -> None:
    decoder = logged_in()
    bomb = container(b"#M#" + bytes(LINE_MOST * 2) + b"\r\n")
    assert len(bomb) < 4096
    items = feed(decoder, bomb)
    assert [item.kind for item in items if isinstance(item, DecodeError)] == ["compression"]


def test_a_long_black_box() -> None:
    entries = b"".join(BODY.replace(b"003015", b"%06d" % at) + b"|" for at in range(2000, 2060))
    (stored,) = feed(logged_in(OLD_LOGIN), b"#B#" + entries * 80 + b"\r\n", 10_000)
    assert isinstance(stored, Positions)
    assert stored.answer == b"#AB#4800\r\n"
    assert len(stored.fixes) == 4800
    assert all(fix.stored for fix in stored.fixes)


def test_parameters_are_bounded() -> None:
    many = ",".join(f"p{at}:1:{at}" for at in range(PARAMETERS_MOST + 50))
    long = f"long:3:{'x' * 5000}"
    line = f"#D#{BODY.decode()};1;0;0;;NA;{long},{many}\r\n".encode()
    (positions,) = feed(logged_in(OLD_LOGIN), line)
    assert isinstance(positions, Positions)
    parameters = positions.fixes[0].attributes["parameters"]
    assert len(parameters) == PARAMETERS_MOST
    assert len(parameters["long"]) < 5000


@pytest.mark.parametrize(
    ("field", "value"),
    [("inf:2:inf", "inf"), ("nan:2:nan", "nan"), ("big:2:1e999", "1e999"), ("i:1:1.5", 1.5)],
)
def test_numbers_that_json_does_not_have_stay_words(field: str, value: object) -> None:
    line = b"#D#" + BODY + f";1;0;0;;NA;{field}\r\n".encode()
    (positions,) = feed(logged_in(OLD_LOGIN), line)
    assert isinstance(positions, Positions)
    assert positions.fixes[0].attributes["parameters"] == {field.split(":", maxsplit=1)[0]: value}


def test_unanswered_commands_are_bounded() -> None:
    decoder = logged_in(OLD_LOGIN)
    for reference in range(1, UNANSWERED_MOST + 3):
        decoder.encode(Command(CommandKind.TEXT, reference, {"text": "hello"}))
    replies = feed(decoder, b"#AM#1\r\n" * (UNANSWERED_MOST + 1))
    references = [item.reference for item in replies if isinstance(item, Reply)]
    assert references == [*range(3, UNANSWERED_MOST + 3), None]


def test_a_refused_password_is_never_told() -> None:
    decoder = WialonDecoder(new_session({"options": {"wialon_password": "secret"}}))
    (refused,) = messages(feed(decoder, b"#L#356307042441013;guess\r\n"))
    assert isinstance(refused, Refused)
    assert b"secret" not in refused.answer
    assert decoder.session.ident is None


@pytest.mark.parametrize(
    "first",
    [
        LOGIN,
        OLD_LOGIN,
        SHORT,
        b"#P#\r\n",
        b"2.0;356307042441013" + SHORT,
        b"356307042441013" + SHORT,
        container(LOGIN),
        b"\xfe\xfdgarbage\r\n" + LOGIN,
    ],
)
def test_first_bytes(first: bytes) -> None:
    assert FAMILY.probe(first) is Match.YES


@pytest.mark.parametrize("first", [b"#SD#", b"#L#", b"2.0;356307042441013#IT#", container(LOGIN)])
def test_beginnings_wait_for_more(first: bytes) -> None:
    for size in range(len(first)):
        assert FAMILY.probe(first[:size]) is Match.MORE, first[:size]


@pytest.mark.parametrize(
    "data",
    [
        b"#X#1\r\n",
        b"##,imei:356307042441013,A;",
        b"356307042441013;",
        b"3.0;356307042441013#SD#",
        b"#l#356307042441013;NA\r\n",
        container(b"hello"),
        b"\xff\x10\x00\x78\x02aaaaaaaaaaaaaaaaaaaaa",
        b"\xff" * 40,
    ],
)
def test_what_is_not_of_this_protocol(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO


@pytest.mark.parametrize(
    ("stated", "valid"), [("NA", True), ("-1", True), ("2", False), ("3", True)]
)
def test_satellites_that_are_not_counted_do_not_make_a_position_invalid(
    stated: str, valid: bool
) -> None:
    """A device that counts fewer than three says itself that the place is not to be trusted."""
    body = BODY.rpartition(b";")[0] + b";" + stated.encode()
    (positions,) = feed(logged_in(OLD_LOGIN), b"#SD#" + body + b"\r\n")
    assert isinstance(positions, Positions)
    assert positions.fixes[0].valid is valid
    assert positions.fixes[0].satellites == (int(stated) if stated in ("2", "3") else None)


@pytest.mark.parametrize("number", ["9" * 19, "9" * 400])
def test_numbers_that_nothing_can_keep(number: str) -> None:
    """A parameter is kept as text, a speed refused."""
    extended = BODY + b";1;0;0;;NA;a:1:" + number.encode()
    (positions,) = feed(logged_in(OLD_LOGIN), b"#D#" + extended + b"\r\n")
    assert isinstance(positions, Positions)
    assert positions.fixes[0].attributes["parameters"]["a"] == number[:256]
    fast = BODY.replace(b";36;", b";" + number.encode() + b";")
    error, refused = feed(logged_in(OLD_LOGIN), b"#SD#" + fast + b"\r\n")
    assert isinstance(error, DecodeError)
    assert isinstance(refused, Refused)
