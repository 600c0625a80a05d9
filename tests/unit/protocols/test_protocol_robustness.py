"""Whatever bytes go into a decoder, only a message, None or DecodeError comes out.

Held for every protocol of the registry, with its own transcripts cut, joined and damaged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.protocols.transcripts import Item, cases_of, drain, feed, new_session
from tracker.errors import DecodeError
from tracker.protocols import frame55, gt06, jt808
from tracker.protocols.base import Aside, Decoder, Family, Login, Message, Refused
from tracker.protocols.frame55.messages import HANDLERS as FRAME55_COMMANDS
from tracker.protocols.frame55.wire import pack as pack55
from tracker.protocols.gt06.decoder import HANDLERS as GT06_KINDS
from tracker.protocols.gt06.wire import pack
from tracker.protocols.jt808.decoder import HANDLERS as JT808_MESSAGES
from tracker.protocols.jt808.splits import BYTES_MOST
from tracker.protocols.jt808.wire import FRAME_MOST, TEXT_LINE
from tracker.protocols.registry import FAMILIES

# Bytes of an incomplete frame that a decoder may hold; for all others the default.
BOUNDS = {"frame55": 260, "gt06": 4102, "jt808": FRAME_MOST}
BOUND = 70_000

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def conversations(family: Family) -> list[bytes]:
    """What the device sends in each case, in one piece."""
    return [
        b"".join(bytes.fromhex(step["send"]) for step in case["steps"] if "send" in step)
        for case in cases_of(family)
    ]


def one_of_its_own(family: Family) -> Any:
    """A strategy for what devices of this protocol say."""
    return st.sampled_from([sent for sent in conversations(family) if sent])


def check_contract(family: Family, decoder: Decoder, items: Sequence[Item]) -> None:
    """What base.py promises of whatever came out."""
    assert decoder.buffered <= BOUNDS.get(family.name, BOUND)
    named = False
    for item in items:
        assert isinstance(item, Message | DecodeError)
        if isinstance(item, DecodeError):
            assert item.kind.islower()
            assert len(item.value) <= DecodeError.KEPT_BYTES  # type: ignore[arg-type]
            continue
        assert isinstance(item.answer, bytes)
        named = named or isinstance(item, Login)
        assert named or isinstance(item, Refused | Aside), "something came before the Login"


@every_family
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_random_bytes(family: Family, data: st.DataObject) -> None:
    decoder = family.decoder(new_session())
    items = feed(decoder, data.draw(st.binary(max_size=1500)), data.draw(st.integers(1, 400)))
    check_contract(family, decoder, items)


@every_family
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_start_marks_and_little_else(family: Family, data: st.DataObject) -> None:
    """Bytes in which a frame seems to start everywhere."""
    sent = data.draw(one_of_its_own(family))
    alphabet = st.sampled_from([*sent[:6], 0, 0x0A, 0x0D, 0xFF])
    content = bytes(data.draw(st.lists(alphabet, max_size=3000)))
    decoder = family.decoder(new_session())
    check_contract(family, decoder, feed(decoder, content, data.draw(st.integers(1, 900))))


@every_family
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_cuts_change_nothing(family: Family, data: st.DataObject) -> None:
    sent = data.draw(one_of_its_own(family))
    whole, cut = family.decoder(new_session()), family.decoder(new_session())
    items: list[Item] = []
    rest = sent
    while rest:
        size = data.draw(st.integers(1, 90))
        cut.receive_data(rest[:size])
        items += drain(cut)
        rest = rest[size:]
    expected = feed(whole, sent)
    assert [shown(item) for item in items] == [shown(item) for item in expected]
    assert cut.buffered == whole.buffered


def shown(item: Item) -> object:
    """What two items are compared by: errors have no equality of their own."""
    return (item.kind, item.value) if isinstance(item, DecodeError) else item


@every_family
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_damage(family: Family, data: st.DataObject) -> None:
    """Bytes changed, lost, added and repeated anywhere."""
    content = bytearray(data.draw(one_of_its_own(family)) + data.draw(one_of_its_own(family)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        edit = data.draw(st.sampled_from(EDITS))
        edit(content, at, data.draw(st.integers(0, 255)))
        if not content:
            return
    decoder = family.decoder(new_session())
    items = feed(decoder, bytes(content), data.draw(st.integers(1, 2000)))
    check_contract(family, decoder, items)


def change(content: bytearray, at: int, value: int) -> None:
    content[at] = value


def lose(content: bytearray, at: int, value: int) -> None:
    del content[at : at + 1 + value % 20]


def add(content: bytearray, at: int, value: int) -> None:
    content[at:at] = bytes((value, at & 255, value ^ 255))


def repeat(content: bytearray, at: int, value: int) -> None:
    content[at:at] = content[at : at + value]


EDITS: list[Callable[[bytearray, int, int], None]] = [change, lose, add, repeat]


DATE = bytes.fromhex("190301001E0F")
PLACE = bytes.fromhex("00000000000000030157EEE006CC66F80032016D005A250301083015")


@st.composite
def any_gt06(draw: st.DrawFn) -> bytes:
    """A right frame of any kind; half of them begin with a date, as most kinds do."""
    info = draw(st.sampled_from([b"", DATE])) + draw(st.binary(max_size=140))
    kind = draw(st.sampled_from(sorted(GT06_KINDS)) | st.integers(0, 255))
    return pack(kind, info, draw(st.integers(0, 65_535)), long=draw(st.booleans()))


@st.composite
def any_jt808(draw: st.DrawFn) -> bytes:
    """A right message of any id, version and packet."""
    message = draw(
        st.sampled_from(sorted(JT808_MESSAGES.keys() - {TEXT_LINE})) | st.integers(0, 65_535)
    )
    body = draw(st.sampled_from([b"", PLACE])) + draw(st.binary(max_size=140))
    newer, split = draw(st.booleans()), draw(st.booleans())
    attributes = len(body) | newer << 14 | split << 13
    head = message.to_bytes(2, "big") + attributes.to_bytes(2, "big")
    head += (b"\1" + bytes(4) if newer else b"") + draw(st.binary(min_size=8, max_size=8))
    return frame_of(head + (bytes((0, 2, 0, draw(st.integers(0, 3)))) if split else b"") + body)


@st.composite
def any_frame55(draw: st.DrawFn) -> bytes:
    """A right frame of any command and length."""
    command = draw(st.sampled_from(sorted(FRAME55_COMMANDS)) | st.integers(0, 255))
    size = draw(st.sampled_from([0, 1, 2, 20, 21, 41]) | st.integers(0, 255))
    payload = draw(st.binary(min_size=size, max_size=size))
    return pack55(draw(st.integers(0, 2)), command, payload)


@pytest.mark.parametrize("name", ["frame55", "gt06", "jt808"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_right_frames_of_any_content(name: str, data: st.DataObject) -> None:
    """A checksum says nothing about what is inside."""
    strategy = {"frame55": any_frame55(), "gt06": any_gt06(), "jt808": any_jt808()}[name]
    family = {family.name: family for family in FAMILIES}[name]
    frames = data.draw(st.lists(strategy, min_size=1, max_size=4))
    decoder = family.decoder(new_session())
    login = b"" if name == "jt808" else bytes.fromhex(RESYNC[name][0])
    items = feed(decoder, login + b"".join(frames))
    check_contract(family, decoder, items)
    for item in items:
        for fix in getattr(item, "fixes", ()):
            assert -90 <= fix.lat <= 90
            assert -180 <= fix.lon <= 180
            assert 0 <= fix.course_deg < 360
        assert json.dumps(dict(getattr(item, "attributes", {})))


# A login and a position of each.
RESYNC = {
    "frame55": (
        "5501030F33353633303730343234343130313369",
        "5501011467C255170157EEE006CC66F800FB038400330903EF",
    ),
    "gt06": (
        "78780D0103563070424410130001D4A90D0A",
        "78782222190301001E0FC9026B14600C3CB95824145A01CC00287D001FB80100000003AB4D0D0A",
    ),
    "jt808": (
        "7E0102000601234567890100014155544830 3185 7E",
        "7E0200001C012345678901000700000000000000030157EEE006CC66F80032016D005A250301083015907E",
    ),
}


def after_damage(name: str, damaged: bytes) -> list[str]:
    """Types of what comes out of the login, a damaged frame and a right one."""
    login, frame = (bytes.fromhex(text.replace(" ", "")) for text in RESYNC[name])
    family = {family.name: family for family in FAMILIES}[name]
    decoder = family.decoder(new_session())
    items = feed(decoder, login + damaged + frame)
    assert decoder.buffered == 0, "the next frame would not be read either"
    return [type(item).__name__ for item in items]


@pytest.mark.parametrize("name", RESYNC)
def test_the_frame_behind_any_damaged_byte_is_found(name: str) -> None:
    """Each byte of a frame is changed to several values; the next frame must still come out."""
    frame = bytes.fromhex(RESYNC[name][1].replace(" ", ""))
    for at in range(len(frame)):
        for value in {0, 1, 0x55, 0x78, 0x79, 0x7D, 0x7E, 0xFE, 0xFF, frame[at] ^ 1} - {frame[at]}:
            damaged = frame[:at] + bytes((value,)) + frame[at + 1 :]
            types = after_damage(name, damaged)
            assert types[0] == "Login"
            assert types[-1] == "Positions", (at, value, types)
            assert types.count("Positions") == 1 or name == "jt808", (at, value, types)


@pytest.mark.parametrize("name", RESYNC)
def test_the_frame_behind_a_truncated_one_is_found(name: str) -> None:
    frame = bytes.fromhex(RESYNC[name][1].replace(" ", ""))
    for size in range(1, len(frame)):
        assert after_damage(name, frame[:size])[-1] == "Positions", size
        assert after_damage(name, frame[size:])[-1] == "Positions", size


def test_a_stream_of_start_marks_is_bounded() -> None:
    """Megabytes of the worst that each protocol can be sent are passed over in bounded steps."""
    worst = {
        frame55.FAMILY: b"\x55\x01\x06\xff",
        gt06.FAMILY: b"\x79\x79\x0f\xff",
        jt808.FAMILY: b"\x7e\x02\x00",
    }
    for family, mark in worst.items():
        decoder = family.decoder(new_session())
        items = feed(decoder, mark * 8192, 4096)
        assert items
        check_contract(family, decoder, items)


def test_split_messages_are_bounded() -> None:
    """Packets of messages that never become complete do not fill memory."""
    decoder = jt808.Jt808Decoder(new_session())
    for start in range(40):
        for packet in range(1, 30):
            body = bytes(1000)
            head = b"\x07\x04\x23\xe8\x01\x23\x45\x67\x89\x01"
            head += (start * 100 + packet).to_bytes(2, "big") + b"\x00\x64" + bytes((0, packet))
            feed(decoder, frame_of(head + body))
            assert decoder.link.splits.held <= BYTES_MOST + 1000


def frame_of(content: bytes) -> bytes:
    """A JT/T 808 frame around a header and body."""
    check = 0
    for byte in content:
        check ^= byte
    content += bytes((check,))
    escaped = content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return b"\x7e" + escaped + b"\x7e"
