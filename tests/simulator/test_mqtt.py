"""MQTT packets of a simulated app and device, byte for byte, and answers in any cut."""

from __future__ import annotations

import json

import pytest

from simulator.model import Stated
from simulator.protocols.base import Answer, AnswerKind, Terminal
from simulator.protocols.mqtt import FAMILY, FAMILY_JSON

from .protocol_cases import SOUTH_WEST, hexed, three_ways

PHONE = "owntracks/driver/000002"
ACCEPTED, REFUSED = hexed("20 02 00 00"), hexed("20 02 00 05")
SUBSCRIBED = hexed("90 03 00 01 01")
PONG = hexed("D0 00")


def phone() -> Terminal:
    return FAMILY.terminal(FAMILY.ident(2), {})


def payload(data: bytes, topic: str) -> dict[str, object]:
    """The JSON of a PUBLISH of QoS 1 to a topic."""
    head = len(topic).to_bytes(2, "big") + topic.encode()
    at = data.index(head) + len(head) + 2
    found: dict[str, object] = json.loads(data[at:])
    return found


def test_the_first_packets() -> None:
    assert FAMILY.ident(2) == PHONE
    connect = hexed("10 23 00 04 4D 51 54 54 04 02 00 3C 00 17") + PHONE.encode()
    wish = hexed("82 20 00 01 00 1B") + f"{PHONE}/cmd".encode() + b"\1"
    assert phone().hello() == connect + wish
    assert phone().heartbeat(None) == hexed("C0 00")


def test_what_an_app_publishes() -> None:
    one = phone()
    one.hello()
    frame = one.position(SOUTH_WEST)
    assert frame.data[0] == 0x32
    assert (frame.serial, frame.fixes) == (2, 1)
    said = payload(frame.data, PHONE)
    assert said["_type"] == "location"
    assert (said["tst"], said["lat"], said["lon"]) == (1775369228, -33.456789, -70.648765)
    assert (said["vel"], said["cog"], said["alt"]) == (88, 271, 567)
    assert FAMILY.stated(SOUTH_WEST) == Stated(
        1_775_369_228_000, -33_456_789, -70_648_765, 880, 2710
    )


def test_what_a_device_of_its_own_publishes() -> None:
    ident = FAMILY_JSON.ident(2)
    one = FAMILY_JSON.terminal(ident, {})
    said = payload(one.position(SOUTH_WEST).data, f"tracker/{ident}/position")
    assert (said["time"], said["speed"], said["course"]) == (1775369228.0, 87.6, 271.4)
    assert FAMILY_JSON.stated(SOUTH_WEST).speed_dkmh == 876


def test_a_long_packet_has_a_length_of_two_bytes() -> None:
    data = phone().position(SOUTH_WEST).data
    assert data[1] & 0x80
    assert (data[1] & 0x7F) + data[2] * 128 == len(data) - 3


def test_numbers_begin_again_behind_the_last() -> None:
    one = phone()
    serials = [one.position(SOUTH_WEST).serial for _ in range(0xFFFF + 2)]
    assert serials[:2] == [1, 2]
    assert serials[-3:] == [0xFFFF, 1, 2]


def publication(payload_: bytes, first: int = 0x32) -> bytes:
    topic = f"{PHONE}/cmd".encode()
    body = len(topic).to_bytes(2, "big") + topic + (b"\x12\x34" if first & 2 else b"") + payload_
    assert len(body) < 128
    return bytes((first, len(body))) + body


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (ACCEPTED, Answer(AnswerKind.ACCEPTED)),
        (REFUSED, Answer(AnswerKind.REFUSED, detail="5")),
        (SUBSCRIBED + PONG, Answer(AnswerKind.BEAT)),
        (hexed("40 02 12 34"), Answer(AnswerKind.ACKNOWLEDGED, 0x1234)),
        (
            publication(b'{"_type":"cmd","action":"reportLocation"}'),
            Answer(AnswerKind.LOCATE, reply=hexed("40 02 12 34")),
        ),
        (publication(b'{"type":"locate"}', 0x30), Answer(AnswerKind.LOCATE)),
        (
            publication(b'{"action":"dump"}'),
            Answer(AnswerKind.COMMAND, reply=hexed("40 02 12 34")),
        ),
        (publication(b"hello"), Answer(AnswerKind.DAMAGED, detail="command")),
        (hexed("90 03 00 01 80"), Answer(AnswerKind.DAMAGED, detail="packet 0x90")),
    ],
)
def test_answers(data: bytes, answer: Answer) -> None:
    for answers in three_ways(phone, data):
        assert answers == [answer]


def test_a_length_that_cannot_be_is_damage_and_what_follows_is_read() -> None:
    one = phone()
    for length in ("FF FF FF FF", "81 80 04"):
        assert [each.kind for each in one.receive(hexed(f"40 {length} 00"))] == [AnswerKind.DAMAGED]
    assert one.receive(PONG) == [Answer(AnswerKind.BEAT)]
