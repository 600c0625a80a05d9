"""Eelink: what transcripts do not show: datagrams, damage, first bytes, and a simulated device."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix
from simulator.protocols.eelink import FAMILY as SIMULATED
from tests.unit.protocols.simulated import FIXES, Line, arrived, check_answers, logged_in, ordered
from tests.unit.protocols.text_damage import kinds
from tests.unit.protocols.transcripts import Item, drain, feed, new_session
from tracker.errors import DecodeError
from tracker.model import CommandKind
from tracker.protocols.base import Login, Match, Message, Refused
from tracker.protocols.detect import detect
from tracker.protocols.eelink import FAMILY
from tracker.protocols.eelink.decoder import HANDLERS
from tracker.protocols.eelink.wire import PACKAGE_MOST, imei, pack, rotated_sum, wrap
from tracker.protocols.framing import DATAGRAMS_MOST

IMEI = bytes.fromhex("0356307042441013")
LOGIN = pack(0x01, 1, IMEI + b"\x01\x00")
PLACE = bytes.fromhex("67C2551701026B079E0C3CB9580032 0024 005A 09".replace(" ", ""))
REPORT = pack(0x12, 2, PLACE + b"\x00\x01")
OTHER = pack(0x12, 3, PLACE[:-1] + b"\x08" + b"\x00\x01")


def test_the_checksum_of_the_wrapper() -> None:
    """Worked out by hand: 1; 2 + 2 = 4; 8 + 3 = 11; and a bit that comes round."""
    assert rotated_sum(b"\x01\x02\x03") == 11
    assert rotated_sum(b"\x80" + bytes(8)) == 0x8000
    assert rotated_sum(b"\x80" + bytes(9)) == 0x0001


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_reports_are_answered_with_kind_and_serial(size: int) -> None:
    items = feed(FAMILY.decoder(new_session()), LOGIN + REPORT + OTHER, size)
    assert kinds(items) == ["Login", "Positions", "Positions"]
    answers = [item.answer.hex() for item in items[1:] if isinstance(item, Message)]
    assert answers == ["67671200020002", "67671200020003"]


def test_a_connection_goes_on_by_its_known_identity() -> None:
    """As from UDP, where the listener remembers who spoke."""
    decoder = FAMILY.decoder(new_session({"ident": "356307042441013"}))
    assert kinds(feed(decoder, REPORT)) == ["Positions"]


# -- datagrams


def datagrams(*data: bytes, ident: str | None = None) -> list[Item]:
    decoder = FAMILY.decoder(new_session({"options": {"udp": True}, "ident": ident}))
    for one in data:
        decoder.receive_data(one)
    items = drain(decoder)
    assert decoder.buffered == 0
    return items


def test_each_datagram_names_its_device() -> None:
    items = datagrams(wrap(IMEI, REPORT + OTHER), wrap(IMEI, LOGIN))
    assert kinds(items) == ["Login", "Positions", "Positions", "Login"]
    assert [item.answer[:2] for item in items[1:] if isinstance(item, Message)] == [b"EL"] * 3
    assert kinds(datagrams(wrap(IMEI[:-1] + b"\x21", REPORT), ident="356307042441013")) == [
        "Login",
        "Positions",
    ]


def test_a_datagram_without_a_wrapper_is_read_once_the_device_is_known() -> None:
    assert kinds(datagrams(LOGIN, REPORT)) == ["Login", "Positions"]
    assert kinds(datagrams(REPORT)) == ["login"]


def test_nothing_of_a_damaged_datagram_is_believed() -> None:
    whole = wrap(IMEI, REPORT + OTHER)
    for at in range(len(whole)):
        damaged = whole[:at] + bytes((whole[at] ^ 0x20,)) + whole[at + 1 :]
        (found,) = kinds(datagrams(damaged, ident="356307042441013"))
        assert found in {"checksum", "length"}, at
    for size in range(1, len(whole)):
        assert kinds(datagrams(whole[:size])) == ["length"]
        assert kinds(datagrams(whole[size:])) in (["length"], ["login"])
    assert kinds(datagrams(whole + b"\0")) == ["length"]


def test_datagrams_that_wait_are_bounded() -> None:
    beat = wrap(IMEI, pack(0x03, 1))
    items = datagrams(*[beat] * (DATAGRAMS_MOST + 50))
    assert kinds(items) == ["Login", *["Heartbeat"] * DATAGRAMS_MOST]


# -- damage


def test_the_package_behind_a_damaged_head_is_found() -> None:
    """Mark, kind and length; what is inside has no checksum."""
    for at in range(5):
        for value in {0, 0x55, 0xFF, REPORT[at] ^ 1, REPORT[at] ^ 4}:
            damaged = REPORT[:at] + bytes((value,)) + REPORT[at + 1 :]
            decoder = FAMILY.decoder(new_session())
            found = kinds(feed(decoder, LOGIN + damaged + OTHER + OTHER + OTHER))
            assert found[0] == "Login"
            assert found[-1] == "Positions", (at, value, found)
            assert decoder.buffered == 0, (at, value)


def test_the_package_behind_a_truncated_one_is_found() -> None:
    for size in range(1, len(REPORT)):
        for piece in (REPORT[:size], REPORT[size:]):
            decoder = FAMILY.decoder(new_session())
            found = kinds(feed(decoder, LOGIN + piece + OTHER + OTHER + OTHER))
            assert found[-1] == "Positions", (piece.hex(), found)
            assert decoder.buffered == 0, piece.hex()


def test_a_package_that_never_ends_is_given_up() -> None:
    session = new_session()
    decoder = FAMILY.decoder(session)
    feed(decoder, LOGIN + REPORT[:-3])
    session.now += 31.0
    assert kinds(feed(decoder, REPORT))[-1] == "Positions"


def test_packages_in_a_damaged_wrapper_are_not_believed_in_a_stream() -> None:
    whole = wrap(IMEI, REPORT + OTHER)
    for at in range(2, len(whole)):
        damaged = whole[:at] + bytes((whole[at] ^ 0x20,)) + whole[at + 1 :]
        items = feed(FAMILY.decoder(new_session()), LOGIN + damaged + whole + whole)
        found = kinds(items)
        assert found.count("Positions") <= 4, (at, found)
        assert found[-1] == "Positions", (at, found)


def test_impossible_content_is_acknowledged_only_where_the_device_is_known() -> None:
    nowhere = pack(0x12, 9, PLACE[:5] + b"\x7f" + PLACE[6:] + b"\x00\x01")
    assert kinds(feed(FAMILY.decoder(new_session()), nowhere)) == ["field"]
    items = feed(FAMILY.decoder(new_session()), LOGIN + nowhere + REPORT)
    assert kinds(items) == ["Login", "field", "Refused", "Positions"]
    assert isinstance(items[2], Refused)
    assert items[2].answer.hex() == "67671200020009"


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_right_packages_of_any_content(data: st.DataObject) -> None:
    """A length says nothing about what is inside."""
    kind = st.sampled_from(sorted(HANDLERS)) | st.integers(0, 255)
    content = st.builds(bytes.__add__, st.sampled_from([b"", PLACE]), st.binary(max_size=80))
    packages = st.lists(st.builds(pack, kind, st.integers(0, 65_535), content), max_size=4)
    sent = LOGIN + b"".join(data.draw(packages)) + wrap(IMEI, b"".join(data.draw(packages)))
    decoder = FAMILY.decoder(new_session())
    for item in feed(decoder, sent):
        assert isinstance(item, Message | DecodeError)
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert -180 <= fix.lon <= 180
            assert 0 <= fix.course_deg < 360
    assert decoder.buffered <= 2 * PACKAGE_MOST + 8192


# -- first bytes


def test_the_first_package_decides_with_its_last_byte() -> None:
    for first in (LOGIN, REPORT, wrap(IMEI, REPORT)):
        for size in range(len(first)):
            assert FAMILY.probe(first[:size]) is Match.MORE, size
        assert detect(first) is FAMILY


def test_behind_something_broken_only_a_login_or_a_wrapper_is_evidence() -> None:
    noise = b"\x00\x01\x02\x03" * 4
    assert FAMILY.probe(noise + LOGIN) is Match.YES
    assert FAMILY.probe(noise + wrap(IMEI, REPORT)) is Match.YES
    assert FAMILY.probe(noise + REPORT) is Match.MORE
    other = pack(0x01, 1, IMEI[:-1] + b"\x14\x01\x00")  # the check digit is another
    assert FAMILY.probe(noise + other) is Match.MORE


def test_a_first_wrapper_longer_than_the_limit_decides_by_its_head() -> None:
    whole = wrap(IMEI, OTHER * 12)
    assert len(whole) > 256
    assert FAMILY.probe(whole[:255]) is Match.MORE
    assert FAMILY.probe(whole[:256]) is Match.YES
    assert FAMILY.probe(whole[:6] + b"\xff" * 8 + whole[14:256]) is Match.MORE
    text = pack(0x16, 1, PLACE + bytes(21) + b"x" * 300)
    assert FAMILY.probe(text[:256]) is Match.YES


@pytest.mark.parametrize(
    "data", [b"gg is a text that says so", b"EL" + b"x" * 30, bytes(64), b"\x78\x78" + bytes(70)]
)
def test_what_is_not_ours(data: bytes) -> None:
    assert FAMILY.probe(data) is Match.NO


def test_the_identity() -> None:
    assert imei(IMEI) == "356307042441013"
    with pytest.raises(IndexError):
        imei(IMEI[:7])
    with pytest.raises(DecodeError):
        imei(IMEI[:7] + b"\xab")


# -- a simulated device


@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(fix: Fix) -> None:
    arrived(SIMULATED, fix)


def test_a_simulated_device_logs_in_reports_and_beats() -> None:
    line = Line(SIMULATED)
    (login,) = line.carry(line.terminal.hello())
    assert isinstance(login, Login)
    assert login.ident == SIMULATED.ident(1)
    check_answers(line)


@pytest.mark.parametrize(
    "kind",
    [CommandKind.LOCATE, CommandKind.REBOOT, CommandKind.ENGINE_CUT, CommandKind.ENGINE_RESTORE],
)
def test_commands_find_their_answers(kind: CommandKind) -> None:
    assert ordered(logged_in(SIMULATED), kind).text.endswith("OK!")
