"""Which protocol a connection speaks: what decides, what does not, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.protocols.test_protocol_robustness import conversations, frame_of
from tracker.errors import DecodeError
from tracker.protocols import frame55, gt06, jt808
from tracker.protocols.base import PROBE_LIMIT, Family, Match
from tracker.protocols.detect import Guess, carrier, detect, nearest, tls
from tracker.protocols.gt06.wire import pack
from tracker.protocols.registry import FAMILIES, family

OURS = (gt06.FAMILY, jt808.FAMILY, frame55.FAMILY)

FIRST = {
    "gt06": bytes.fromhex("78780D0103563070424410130001D4A90D0A"),
    "jt808": bytes.fromhex("7E0002000001234567890100 02CE7E".replace(" ", "")),
    "frame55": bytes.fromhex("5501030F33353633303730343234343130313369"),
}
FIRST["jt808"] = frame_of(bytes.fromhex("000200000123456789010002"))

by_name = pytest.mark.parametrize("name", FIRST)


def decided(data: bytes) -> str | None:
    found = detect(data)
    return None if found is None else found.name


def given_up(data: bytes) -> bool:
    """Whether no protocol can be told any more."""
    try:
        detect(data)
    except DecodeError as error:
        return error.kind == "unknown"
    return False


@by_name
def test_the_first_frame_decides_with_its_last_byte(name: str) -> None:
    frame = FIRST[name]
    for size in range(len(frame)):
        assert decided(frame[:size]) is None
    assert decided(frame) == name
    assert decided(frame + b"whatever follows") == name


@by_name
def test_the_frame_behind_a_damaged_one_decides(name: str) -> None:
    """Any byte may be damaged, the mark included."""
    frame = FIRST[name]
    for at in range(len(frame)):
        damaged = frame[:at] + bytes((frame[at] ^ 0x80,)) + frame[at + 1 :]
        assert decided(damaged) is None
        assert decided(damaged + frame) == name


@by_name
def test_garbage_in_front_up_to_the_limit(name: str) -> None:
    frame = FIRST[name]
    noise = b"\x00\x01\x02\x03" * 15
    assert decided(noise + frame) == name
    late = frame[:-1] + b"\x00"  # a mark keeps the question open
    padding = late + b"\x00" * (PROBE_LIMIT - len(late) - 1)
    assert decided(padding) is None
    assert given_up(padding + b"\x00")


@pytest.mark.parametrize("known", FAMILIES, ids=lambda known: known.name)
def test_what_devices_say_is_never_taken_for_another_protocol(known: Family) -> None:
    for sent in conversations(known):
        try:
            found = detect(sent)
        except DecodeError:
            continue  # a case that begins with something broken
        assert found is None or found is known


FOREIGN = {
    "HTTP GET": b"GET /?id=123456&lat=22.5&lon=114.0 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "HTTP POST": b"POST / HTTP/1.1\r\nUser-Agent: Traccar\r\n",
    "TLS": bytes.fromhex("160301020001 0001fc0303".replace(" ", "")),
    "MQTT": b"\x10\x1a\x00\x04MQTT\x04\x02\x00<",
    "NMEA": b"$GPRMC,003015.00,A,2232.400,N,11403.540,E,019.7,090.0,010325,,,A*5A\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a text protocol with a mark inside": b"+RESP:GTxxUUU~~~~,060228,13563070424410",
    "text that begins with a mark": b"~~~~~~~~~~~~~~~~~~~~~~~~",
    "more of it": b"xxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "and more": b"UUUUUUUUUUUUUUUUUUUUUUUUUUU",
    "zeros": bytes(64),
    "an unknown binary protocol": bytes(range(0x80, 0xD0)),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_first_bytes_are_given_up_early(data: bytes) -> None:
    """By those protocols that are decoded here; others may know them."""
    with pytest.raises(DecodeError) as caught:
        detect(data, OURS)
    assert caught.value.kind == "unknown"
    assert caught.value.value == data[: DecodeError.KEPT_BYTES]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GET / HTTP/1.1", "http"),
        (b"OPTIONS * HTTP/1.1", "http"),
        (b"GETTER", None),
        (b"\x16\x03\x01", "tls"),
        (b"\x16\x02\x01", None),
        (b"\x10\x10\x00\x04MQTT", "mqtt"),
        (b"\x10\x80\x01\x00\x06MQIsdp", "mqtt"),
        (b"\x10\x10\x00\x04", None),
    ],
)
def test_carriers_are_called_by_name(data: bytes, name: str | None) -> None:
    assert carrier(data) == name
    if name is not None:
        with pytest.raises(DecodeError, match=name):
            detect(data, OURS)


def test_nothing_is_decided_on_nothing() -> None:
    assert detect(b"") is None


def test_a_dedicated_port_asks_only_its_own() -> None:
    assert detect(FIRST["gt06"], (jt808.FAMILY, frame55.FAMILY)) is None
    assert detect(FIRST["frame55"], (frame55.FAMILY,)) is frame55.FAMILY


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=PROBE_LIMIT, max_size=PROBE_LIMIT + 200))
def test_the_limit_is_a_limit(data: bytes) -> None:
    """At 256 bytes there is a verdict, one way or the other."""
    assert given_up(data) or detect(data) is not None


def long_location() -> bytes:
    """A JT/T 808 location of about 500 bytes."""
    head = bytes.fromhex("0200 01F0 012345678901 0001".replace(" ", ""))
    return frame_of(head + bytes(28) + (b"\x64\xd2" + b"\xee" * 210) * 2 + bytes(44))


def test_a_first_message_longer_than_the_limit_decides_by_its_header() -> None:
    frame = long_location()
    assert len(frame) > 2 * PROBE_LIMIT - 10
    assert decided(frame[: PROBE_LIMIT - 1]) is None
    assert decided(frame[:PROBE_LIMIT]) == "jt808"
    assert decided(frame) == "jt808"


@pytest.mark.parametrize(
    "change",
    [
        {1: 0x6E},  # no such message
        {3: 0x04},  # encrypted
        {3: 0x81},  # reserved attributes
        {5: 0xAB},  # the phone is not one
        {3: 0x00, 4: 0x20},  # shorter than what is there
    ],
    ids=str,
)
def test_a_long_header_must_be_beyond_doubt(change: dict[int, int]) -> None:
    frame = bytearray(long_location()[:PROBE_LIMIT])
    for at, value in change.items():
        frame[at] = value
    assert jt808.FAMILY.probe(bytes(frame)) is Match.MORE
    assert given_up(bytes(frame))


def test_a_long_header_of_2019() -> None:
    head = bytes.fromhex("0704 41F0 01 00000000012345678901 0001".replace(" ", ""))
    assert decided(frame_of(head + bytes(0x1F0))[:PROBE_LIMIT]) == "jt808"


def test_long_frames_of_gt06() -> None:
    text = pack(0x94, b"\x04" + b"ALM1=45;" * 60, 1, long=True)
    assert decided(text[: PROBE_LIMIT - 1]) is None
    assert decided(text[:PROBE_LIMIT]) == "gt06"
    unknown = pack(0x44, bytes(400), 1, long=True)
    assert given_up(unknown[:PROBE_LIMIT])
    assert decided(unknown) == "gt06", "the whole frame is there, with its checksum"


def test_encrypted_terminals_are_recognised_though_not_read() -> None:
    assert decided(frame_of(bytes.fromhex("000204000123456789010001"))) == "jt808"


def test_marks_between_messages_may_be_shared() -> None:
    beat = FIRST["jt808"]
    assert decided(b"\x7e\x7e" + beat) == "jt808"
    assert decided(b"\x01\x02\x7e" + beat[1:]) == "jt808"
    assert decided(b"\x7e\x01\x02" + beat) == "jt808"


def test_the_registry() -> None:
    names = [known.name for known in FAMILIES]
    assert len(set(names)) == len(names)
    for known in FAMILIES:
        assert family(known.name) is known
        assert known.title
        assert known.heartbeat_s >= 30.0
        assert known.probe(b"") is Match.MORE
    with pytest.raises(KeyError):
        family("morse")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"\x16", Match.MORE),
        (b"\x16\x03", Match.MORE),
        (b"\x16\x03\x01", Match.YES),
        (b"\x16\x03\x03\x02\x00\x01", Match.YES),
        (b"\x16\x03\x05", Match.NO),
        (b"\x16\xfe\xfd", Match.NO),
        (b"\x17\x03\x03", Match.NO),
        (b"GET", Match.NO),
    ],
)
def test_tls(data: bytes, match: Match) -> None:
    assert tls(data) is match


@pytest.mark.parametrize(
    ("data", "guess"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", Guess((), "SSH")),
        (b"\x16\xfe\xfd" + bytes(60), Guess((), "DTLS")),
        (FIRST["gt06"][:-3], Guess(("gt06",), "")),
        (b"\x16\x03\x01\x02\x00", Guess((), "tls")),
    ],
)
def test_the_nearest_guess(data: bytes, guess: Guess) -> None:
    found = nearest(data, OURS)
    assert found == guess


def test_a_guess_is_there_for_whatever_comes() -> None:
    for size in (0, 1, 64, PROBE_LIMIT, 10 * PROBE_LIMIT):
        assert isinstance(nearest(b"\x7e" * size).protocols, tuple)
    assert "osmand" in nearest(b"GET /?id=1 HT").protocols
    assert nearest(b"GET /?id=1 HT").mark == "http"


def test_a_carriers_protocols_are_asked_and_no_others() -> None:
    """Whoever registers a family of a carrier is asked about it, inside TLS and outside."""
    carried = [
        Family("one", "One", lambda _: Match.YES, frame55.FAMILY.decoder, carrier="mqtt"),
        Family("bare", "Bare", lambda _: Match.YES, frame55.FAMILY.decoder),
    ]
    connect = b"\x10\x1a\x00\x04MQTT\x04\x02\x00<"
    assert detect(connect, carried).name == "one"  # type: ignore[union-attr]
    with pytest.raises(DecodeError, match="mqtt"):
        detect(connect, carried[1:])
