"""MQTT: what vectors do not show. Limits, wills, keep alive, commands, detection, damage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix as SimulatedFix
from simulator.protocols import mqtt as simulated
from simulator.protocols.base import AnswerKind
from simulator.protocols.base import Family as SimulatedFamily
from tests.unit.protocols.test_protocol_simulated import FIXES, as_stated, close
from tests.unit.protocols.transcripts import drain, feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.mappings import JsonMapping
from tracker.model import Command, CommandKind
from tracker.protocols.base import Aside, Login, Match, Message, Positions, Refused, Reply
from tracker.protocols.detect import detect
from tracker.protocols.mqtt import FAMILY, MqttDecoder
from tracker.protocols.mqtt.connect import ALIASES_MOST, RECEIVE_MOST, WILL_MOST
from tracker.protocols.mqtt.link import COMMANDS_MOST, SUBSCRIBED_MOST, SUBSCRIPTIONS_MOST
from tracker.protocols.mqtt.wire import PACKET_MOST, varint
from tracker.protocols.publications import OPTION, PAYLOAD_MOST, TOPIC_MOST, Reader

PHONE = "owntracks/jane/phone"
V311, V5 = 4, 5


def text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def connect(
    version: int = V311, *, keep_alive_s: int = 60, flags: int = 2, properties: bytes = b"",
    rest: bytes = b"", client_id: str = "phone",
) -> bytes:  # fmt: skip
    head = text("MQTT") + bytes((version, flags)) + keep_alive_s.to_bytes(2, "big")
    if version == V5:
        head += varint(len(properties)) + properties
    return packet(0x10, head + text(client_id) + rest)


def publish(
    topic: str, payload: bytes, number: int = 0, qos: int = 0, properties: bytes | None = None
) -> bytes:
    head = text(topic) + (number.to_bytes(2, "big") if qos else b"")
    if properties is not None:
        head += varint(len(properties)) + properties
    return packet(0x30 | qos << 1, head + payload)


def subscribe(*topics: str, qos: int = 1) -> bytes:
    return packet(0x82, b"\0\1" + b"".join(text(topic) + bytes((qos,)) for topic in topics))


def location(lat: float = 1.5) -> bytes:
    return json.dumps({"_type": "location", "lat": lat, "lon": 2.5, "tst": 1740789015}).encode()


def connected(version: int = V311, *sent: bytes, **stated: Any) -> MqttDecoder:
    decoder = MqttDecoder(new_session())
    items = feed(decoder, connect(version, **stated) + b"".join(sent))
    assert not [item for item in items if isinstance(item, DecodeError | Refused)]
    return decoder


def types(items: list[Any]) -> list[str]:
    return [type(item).__name__ for item in items]


# Limits -------------------------------------------------------------------------------------------


def test_the_largest_packet_is_taken_and_one_byte_more_is_not() -> None:
    body = PACKET_MOST - 4
    for size, kinds in ((body, ["DecodeError", "Aside"]), (body + 1, ["MqttError", "Refused"])):
        decoder = connected()
        head = text("x") + b"\0\1"
        data = packet(0x32, head + bytes(size - len(head)))
        assert types(feed(decoder, data, 4096)) == kinds
        assert decoder.buffered == 0


def test_the_largest_payload_is_read_and_one_byte_more_is_not() -> None:
    decoder = connected()
    for size, kinds in (
        (PAYLOAD_MOST, ["Login", "Positions"]),
        (PAYLOAD_MOST + 1, ["DecodeError"]),
    ):
        assert types(feed(decoder, publish(PHONE, location().ljust(size)))) == kinds


def test_half_received_messages_are_bounded_and_free_their_numbers() -> None:
    decoder = connected(V5)
    for number in range(1, RECEIVE_MOST + 1):
        decoder.receive_data(publish(PHONE, location(), number, 2, b""))
    assert len(drain(decoder)) == RECEIVE_MOST + 1
    assert len(decoder.link.half_received) == RECEIVE_MOST
    (done,) = feed(decoder, packet(0x62, b"\0\7"))
    assert done == Aside(bytes.fromhex("70020007"))
    assert types(feed(decoder, publish(PHONE, location(), 7, 2, b""))) == ["Positions"]
    error, refused = feed(decoder, publish(PHONE, location(), 7777, 2, b""))
    assert isinstance(error, DecodeError)
    assert (error.kind, refused.answer) == ("receive_maximum", bytes.fromhex("E00193"))
    assert refused.last


def test_subscriptions_are_bounded_in_number_and_length() -> None:
    decoder = connected(V5)
    many = [f"{number}/cmd" for number in range(SUBSCRIPTIONS_MOST + 2)]
    for topic in many:
        feed(decoder, packet(0x82, b"\0\1\0" + text(topic) + b"\1"))
    assert list(decoder.link.subscriptions) == many[:SUBSCRIPTIONS_MOST]
    (again,) = feed(
        decoder, packet(0x82, b"\0\1\0" + text(many[0]) + b"\0" + text("x/cmd") + b"\0")
    )
    assert again.answer == bytes.fromhex("9005000100 00 97".replace(" ", ""))
    decoder = connected(V311)
    for number in range(200):
        feed(decoder, subscribe(f"{number}".ljust(TOPIC_MOST - 4, "x") + "/cmd"))
    assert len(decoder.link.subscriptions) == SUBSCRIBED_MOST // TOPIC_MOST
    feed(decoder, subscribe("x" * TOPIC_MOST + "/cmd"))
    assert max(map(len, decoder.link.subscriptions)) == TOPIC_MOST


def test_topic_aliases_are_bounded() -> None:
    decoder = connected(V5)
    for alias in range(1, ALIASES_MOST + 1):
        feed(decoder, publish(PHONE, location(), properties=b"\x23" + alias.to_bytes(2, "big")))
    long = "x" * (TOPIC_MOST + 1)
    assert types(feed(decoder, publish(long, b"{}", properties=b"\x23\0\1"))) == ["DecodeError"]
    assert set(decoder.link.aliases.values()) == {PHONE}
    assert len(decoder.link.aliases) == ALIASES_MOST


@pytest.mark.parametrize("version", [V311, V5])
def test_a_will_is_bounded(version: int) -> None:
    before = b"\0" if version == V5 else b""
    for size, kinds in ((WILL_MOST, ["Aside"]), (WILL_MOST + 1, None)):
        will = before + text(PHONE) + size.to_bytes(2, "big") + bytes(size)
        decoder = MqttDecoder(new_session())
        found = types(feed(decoder, connect(version, flags=6, rest=will)))
        assert found == kinds or (kinds is None and found[-1] == "Refused")
        assert decoder.link.connected is (kinds is not None)


def test_nothing_is_read_or_kept_behind_the_end() -> None:
    decoder = connected(V311, packet(0xE0, b""))
    assert feed(decoder, publish(PHONE, location()) * 3, 5) == []
    assert decoder.buffered == 0


# Wills and keep alive -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "silence_s"), [(0, None), (1, 1.5), (60, 90.0), (0xFFFF, 98302.5)]
)
def test_the_keep_alive_that_a_client_states_holds(seconds: int, silence_s: float | None) -> None:
    assert connected(keep_alive_s=seconds).session.silence_s == silence_s


def with_will(version: int, payload: bytes, *sent: bytes) -> MqttDecoder:
    will = text(PHONE) + len(payload).to_bytes(2, "big") + payload
    if version == V5:
        will = b"\5\x18\0\0\0\1" + will  # to be delayed by a second
    return connected(version, *sent, flags=6, rest=will)


@pytest.mark.parametrize("version", [V311, V5])
def test_a_will_is_given_once_and_only_when_the_connection_was_lost(version: int) -> None:
    decoder = with_will(version, b'{"_type":"lwt","tst":5}')
    items = decoder.lost()
    assert types(items) == ["Login", "Notice"]
    assert items[1].attributes == {"connected_time": 5.0}  # type: ignore[union-attr]
    assert decoder.lost() == []
    decoder = with_will(version, location(), packet(0xE0, b""))
    assert decoder.lost() == []


def test_a_client_of_5_0_may_wish_its_will_to_be_heard() -> None:
    decoder = with_will(V5, location(), packet(0xE0, b"\4"))
    assert types(decoder.lost()) == ["Login", "Positions"]


def test_a_will_that_cannot_be_read_is_an_error_and_none_is_nothing() -> None:
    assert types(with_will(V311, b"gone").lost()) == ["DecodeError"]
    assert connected().lost() == []


# Identities and acknowledgements ------------------------------------------------------------------


def test_a_client_without_a_name_gets_one_of_its_own() -> None:
    names = set()
    for _ in range(3):
        decoder = MqttDecoder(new_session())
        (answer,) = feed(decoder, connect(V5, client_id=""))
        assert b"\x12\x00\x10" in answer.answer
        names.add(answer.answer[-16:])
    assert len(names) == 3
    (answer,) = feed(MqttDecoder(new_session()), connect(V311, client_id=""))
    assert answer.answer == bytes.fromhex("20020000")


def test_a_position_of_whatever_quality_waits_for_storage_before_its_answer() -> None:
    decoder = connected()
    for qos, answer in ((0, b""), (1, b"\x40\2\0\x09"), (2, b"\x50\2\0\x09")):
        items = feed(decoder, publish(PHONE, location(), 9, qos))
        assert items[-1].answer == answer
        assert items[-1].durable


def test_a_device_that_may_not_report_is_told_so_in_5_0() -> None:
    for version, refusal in ((V311, b""), (V5, bytes.fromhex("E00187"))):
        properties = b"" if version == V5 else None
        decoder = connected(version)
        login = feed(decoder, publish(PHONE, location(), properties=properties))[0]
        assert isinstance(login, Login)
        assert login.refusal == refusal


# Commands -----------------------------------------------------------------------------------------


def test_commands_that_are_not_acknowledged_are_bounded() -> None:
    decoder = connected(V311, subscribe(f"{PHONE}/cmd"), publish(PHONE, location()))
    for reference in range(1, COMMANDS_MOST + 1):
        decoder.encode(Command(CommandKind.LOCATE, reference))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.LOCATE, COMMANDS_MOST + 1))
    (reply,) = feed(decoder, packet(0x40, b"\0\1"))
    assert isinstance(reply, Reply)
    decoder.encode(Command(CommandKind.LOCATE, COMMANDS_MOST + 1))


def test_a_client_of_5_0_states_how_much_it_takes() -> None:
    decoder = connected(
        V5, packet(0x82, b"\0\1\0" + text(f"{PHONE}/cmd") + b"\1"),
        publish(PHONE, location(), properties=b""),
        properties=bytes.fromhex("210001" "2700000064"),
    )  # fmt: skip
    with pytest.raises(CommandError, match="100 bytes"):
        decoder.encode(Command(CommandKind.CUSTOM, 1, {"text": "x" * 100}))
    decoder.encode(Command(CommandKind.CUSTOM, 1, {"text": "x"}))
    with pytest.raises(CommandError, match="acknowledged none"):
        decoder.encode(Command(CommandKind.CUSTOM, 2, {"text": "x"}))


def test_a_command_goes_to_the_device_that_spoke_last_and_to_no_other() -> None:
    decoder = connected(V311, subscribe("tracker/7/cmd", "tracker/8/cmd"))
    for device in ("7", "8"):
        feed(decoder, publish(f"tracker/{device}/position", b'{"lat":1,"lon":2,"time":5}'))
        frame = decoder.encode(Command(CommandKind.REBOOT, int(device)))
        assert text(f"tracker/{device}/cmd") in frame
    feed(decoder, publish("tracker/9/position", b'{"lat":1,"lon":2,"time":5}'))
    with pytest.raises(CommandError, match="9 has not subscribed"):
        decoder.encode(Command(CommandKind.REBOOT, 9))


def test_the_only_topic_of_the_only_device_will_do() -> None:
    decoder = connected(V311, subscribe("van/cmd"))
    feed(decoder, publish("x", b'{"ident":"1001","timestamp":5}'))
    assert text("van/cmd") in decoder.encode(Command(CommandKind.REBOOT, 1))
    feed(decoder, publish("x", b'{"ident":"1002","timestamp":5}'))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.REBOOT, 2))


MAPPED = {
    "topic": "fleet/+/position", "device": "topic[1]", "time": "t", "lat": "lat", "lon": "lon",
    "command_topic": "fleet/down/{device}", "ack_topic": "fleet/up/{device}/done",
}  # fmt: skip


def mapped(*sent: bytes) -> tuple[MqttDecoder, list[Any]]:
    reader = Reader([JsonMapping(**MAPPED)])
    decoder = MqttDecoder(new_session({"options": {OPTION: reader}}))
    return decoder, feed(decoder, connect() + b"".join(sent))


def test_a_mapping_says_where_its_devices_listen_and_answer() -> None:
    decoder, items = mapped(
        subscribe("fleet/down/7", "fleet/down/7/more", "fleet/down/+"),
        publish("fleet/7/position", b'{"t":1,"lat":1,"lon":2}'),
    )
    assert items[1].answer == packet(0x90, b"\0\1" + b"\1\x80\x80")
    frame = decoder.encode(Command(CommandKind.TEXT, 9, {"text": "Halt"}))
    payload = b'{"id":9,"type":"text","params":{"text":"Halt"}}'
    assert frame == packet(0x32, text("fleet/down/7") + b"\0\x09" + payload)
    (arrived, done) = feed(
        decoder,
        packet(0x40, b"\0\x09") + publish("fleet/up/7/done", b'{"id":9,"result":"ok"}', 3, 1),
    )
    assert (arrived.reference, arrived.final) == (9, False)
    assert (done.reference, done.success, done.final) == (9, True, True)
    assert done.answer == packet(0x40, b"\0\3")


def test_who_does_not_listen_yet_is_not_spoken_to() -> None:
    decoder = connected(V311)
    deaf = decoder.session.deaf
    assert deaf is not None
    locate = Command(CommandKind.LOCATE)
    assert "named itself" in deaf(locate)
    feed(decoder, publish(PHONE, location()))
    assert f"{PHONE} has not subscribed" in deaf(locate)
    stated = Command(CommandKind.CUSTOM, 1, {"text": '{"topic":"x/cmd","message":"y"}'})
    assert "has not subscribed to this topic" in deaf(stated)
    feed(decoder, subscribe("x/cmd", f"{PHONE}/cmd"))
    assert deaf(locate) == deaf(stated) == ""
    feed(decoder, packet(0xA2, b"\0\2" + text(f"{PHONE}/cmd") + text("x/cmd")))
    assert deaf(locate) != ""


@pytest.mark.parametrize("seconds", [0, 86_401, 1.5, "60", True, None])
def test_an_interval_is_whole_seconds_of_a_day(seconds: object) -> None:
    decoder = connected(V311, subscribe(f"{PHONE}/cmd"), publish(PHONE, location()))
    with pytest.raises(CommandError):
        decoder.encode(Command(CommandKind.INTERVAL, 1, {"seconds": seconds}))


# Detection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [connect(), connect(V5), packet(0x10, text("MQIsdp") + b"\3\2\0\x1e" + text("x")),
     connect(9), connect(client_id="x" * 300)],
)  # fmt: skip
def test_connect_is_recognised_as_soon_as_it_says_what_it_is(first: bytes) -> None:
    decided = first.index(b"MQ") + first[first.index(b"MQ") - 1]
    for size in range(1, decided):
        assert detect(first[:size]) is None, size
    assert detect(first[:decided]) is FAMILY
    assert detect(first) is FAMILY


@pytest.mark.parametrize("first", ["20", "100D0005", "100D00044D515458", "10FFFFFFFF7F", "30"])
def test_what_is_no_connect(first: str) -> None:
    assert FAMILY.probe(bytes.fromhex(first)) is Match.NO


# Damage -------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(data=st.data(), version=st.sampled_from([3, V311, V5]))
def test_packets_of_any_content(data: st.DataObject, version: int) -> None:
    """Whole packets of every kind whose inside is anything: messages, errors, or the end."""
    decoder = connected(version if version != 3 else V311)
    decoder.link.version = version
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.sampled_from([0x30, 0x32, 0x34, 0x3D, 0x40, 0x50, 0x62, 0x70, 0x82,
                                           0xA2, 0xC0, 0xE0, 0xF0, 0x10, 0x00]))  # fmt: skip
        body = data.draw(
            st.sampled_from([b"", b"\0\1", text(PHONE), b"\0\1" + text(f"{PHONE}/cmd") + b"\1"])
        ) + data.draw(st.sampled_from([b"", b"\0", b"\0\1\0", location()]) | st.binary(max_size=40))
        ended = decoder.over
        items = feed(decoder, packet(first, body))
        assert not (ended and items)
        assert all(isinstance(item, Message | DecodeError) for item in items)
        if decoder.over and not ended:
            last = items[-1]
            assert getattr(last, "last", False) or types([last]) == ["Logout"]
    assert decoder.buffered == 0


# Simulated devices --------------------------------------------------------------------------------

SIMULATED = pytest.mark.parametrize(
    "family", [simulated.FAMILY, simulated.FAMILY_JSON], ids=lambda family: family.name
)


@SIMULATED
def test_a_simulated_device_is_understood_and_understands(family: SimulatedFamily) -> None:
    decoder, ident = MqttDecoder(new_session()), family.ident(3)
    terminal = family.terminal(ident, {})
    kinds: list[AnswerKind] = []

    def carry(data: bytes) -> list[Any]:
        items = feed(decoder, data)
        kinds.extend(one.kind for item in items for one in terminal.receive(item.answer))
        return items

    carry(terminal.hello())
    here = SimulatedFix(1_740_789_015.0, 22.54, 114.059, 36.5, 90.0, 50.0, 9, True, 12345.0)
    login, positions = carry(terminal.position(here).data)
    assert login.ident == ident
    assert close(as_stated(positions.fixes[0]), family.stated(here))
    carry(terminal.heartbeat(here))
    assert kinds == [AnswerKind.ACCEPTED, AnswerKind.ACKNOWLEDGED, AnswerKind.BEAT]
    (asked,) = terminal.receive(decoder.encode(Command(CommandKind.LOCATE, 4711)))
    assert asked.kind is AnswerKind.LOCATE
    arrived, *acknowledged = carry(asked.reply)
    assert (arrived.reference, arrived.success, arrived.final) == (4711, True, False)
    if acknowledged:
        (reply,) = acknowledged
        assert (reply.reference, reply.success) == (4711, True)
    else:
        (reply,) = carry(terminal.position(here).data)
        assert (reply.to_kind, reply.success) == (CommandKind.LOCATE, True)
        assert close(as_stated(reply.fixes[0]), family.stated(here))
    assert reply.final


@SIMULATED
@settings(max_examples=100, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(family: SimulatedFamily, fix: SimulatedFix) -> None:
    decoder = MqttDecoder(new_session())
    terminal = family.terminal(family.ident(1), {})
    items = feed(decoder, terminal.hello() + terminal.position(fix).data)
    found = items[-1]
    assert isinstance(found, Positions)
    assert close(as_stated(found.fixes[0]), family.stated(fix))
