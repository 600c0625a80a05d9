"""What one published message says: mappings, OwnTracks and its secrets, flespi, and faults."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import nacl.secret
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import CommandError, DecodeError
from tracker.mappings import JsonMapping
from tracker.model import CommandKind, Fix
from tracker.protocols import publications
from tracker.protocols.base import Alarm, Heartbeat, Login, Message, Notice, Positions, Reply
from tracker.protocols.documents.mapped import matches
from tracker.protocols.publications import PAYLOAD_MOST, PLAIN, TOPIC_MOST, Reader

NOW = 1_740_789_015.75
WHERE: dict[str, Any] = {
    "topic": "fleet/+/position", "device": "topic[1]", "time": "t", "lat": "lat", "lon": "lon",
}  # fmt: skip
PHONE = "owntracks/jane/phone"
LOCATION = {"_type": "location", "lat": 1.5, "lon": 2.5, "tst": 1740789015}


def read(reader: Reader, topic: str, document: Any, answer: bytes = b"") -> list[Any]:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(reader.read(topic, payload, NOW, answer))


def by(**more: Any) -> Reader:
    return Reader([JsonMapping(**{**WHERE, **more})])


def fix_of(reader: Reader, report: dict[str, Any], topic: str = "fleet/7/position") -> Fix:
    _, positions = read(reader, topic, {"t": 1740789015, "lat": 1.5, "lon": 2.5, **report})
    assert isinstance(positions, Positions)
    (fix,) = positions.fixes
    return fix


def fault(reader: Reader, topic: str, document: Any) -> str:
    with pytest.raises(DecodeError) as caught:
        read(reader, topic, document)
    return caught.value.kind


# Mappings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic_filter", "topic", "right"),
    [
        ("a/b", "a/b", True), ("a/b", "a/b/c", False), ("a/b", "a", False),
        ("a/+", "a/b", True), ("a/+", "a/", True), ("a/+", "a", False), ("+", "/a", False),
        ("+/+", "/a", True), ("#", "a/b/c", True), ("a/#", "a", True), ("a/#", "a/b/c", True),
        ("a/#", "b", False), ("#", "$SYS/x", False), ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True), ("A/b", "a/b", False),
    ],
)  # fmt: skip
def test_filters(topic_filter: str, topic: str, right: bool) -> None:
    assert matches(topic_filter.split("/"), topic.split("/")) is right


@pytest.mark.parametrize(
    ("unit", "speed_kmh"), [("kmh", 10), ("ms", 36), ("kn", 18.52), ("mph", 16.09344)]
)
def test_speeds(unit: str, speed_kmh: float) -> None:
    assert fix_of(by(speed="v", speed_unit=unit), {"v": 10}).speed_kmh == pytest.approx(speed_kmh)


@pytest.mark.parametrize(
    ("form", "stated"),
    [
        ("unix", 1740789015), ("unix", "1740789015"), ("unix_ms", 1740789015000),
        ("rfc3339", "2025-03-01T00:30:15Z"), ("rfc3339", "2025-03-01T08:30:15+08:00"),
        ("auto", 1740789015), ("auto", 1740789015000), ("auto", "2025-03-01T00:30:15Z"),
        ("auto", "2025-03-01 00:30:15"),
    ],
)  # fmt: skip
def test_times(form: str, stated: Any) -> None:
    assert fix_of(by(time_format=form), {"t": stated}).fix_time == 1740789015.0


@pytest.mark.parametrize(
    ("form", "stated"),
    [("unix", "now"), ("unix_ms", "2025-03-01"), ("rfc3339", 1740789015), ("auto", None),
     ("unix", True), ("rfc3339", "1740789015Z"), ("auto", ""), ("unix", "9" * 400)],
)  # fmt: skip
def test_what_is_no_time(form: str, stated: Any) -> None:
    report = {"t": stated, "lat": 1.5, "lon": 2.5}
    assert fault(by(time_format=form), "fleet/7/position", report) == "field"


def test_without_a_time_the_moment_of_reception_holds() -> None:
    assert fix_of(by(time=None), {"t": 1}).fix_time == NOW


def test_values_deep_within_and_levels_of_the_topic() -> None:
    reader = by(
        lat="p[0].where.lat", lon="p[0].where.lon", coordinate_scale=1e-7, course="p[1]",
        attributes={"fuel_percent": 'can["fuel.level"]', "line": "topic[0]", "off": "p[7]",
                    "none": "p.x", "deeper": "t.x"},
    )  # fmt: skip
    report = {
        "p": [{"where": {"lat": 225_400_000, "lon": 1_140_590_000}}, 90],
        "can": {"fuel.level": 55.5},
    }
    fix = fix_of(reader, report)
    assert (fix.lat, fix.lon) == (pytest.approx(22.54), pytest.approx(114.059))
    assert fix.course_deg == 90
    assert fix.attributes == {"fuel_percent": 55.5, "line": "fleet"}


def test_several_reports_of_several_devices_under_one_topic() -> None:
    reader = by(topic="gateway/#", device="id", items="reports")
    document = {
        "id": "g1",
        "reports": [
            {"id": "a", "t": 1, "lat": 1, "lon": 2}, {"id": "a", "t": 2, "lat": 1, "lon": 2},
            {"id": "b", "t": 3}, {"t": 4, "lat": 1, "lon": 2}, {"id": "c", "t": 5, "lat": 91,
            "lon": 0},
        ],
    }  # fmt: skip
    items = read(reader, "gateway/x/y", document, b"answer")
    assert [type(item).__name__ for item in items] == [
        "DecodeError", "Login", "Positions", "Login", "Heartbeat", "Login", "Positions",
    ]  # fmt: skip
    assert [item.ident for item in items if isinstance(item, Login)] == ["a", "b", "g1"]
    assert [len(item.fixes) for item in items if isinstance(item, Positions)] == [2, 1]
    assert [item.answer for item in items[1:]] == [b""] * 5 + [b"answer"]
    assert items[-1].durable


def test_the_first_mapping_that_matches_holds_also_against_what_we_know() -> None:
    mappings = [
        JsonMapping(topic="owntracks/+/+", device="topic[2]", lat="lat", lon="lon"),
        JsonMapping(topic="#", device="id"),
    ]
    reader = Reader(mappings)
    login, positions = read(reader, PHONE, LOCATION)
    assert (login.ident, type(positions)) == ("phone", Positions)
    login, heartbeat = read(reader, "tracker/7/position", {"id": 7, "lat": 1, "lon": 2})
    assert (login.ident, type(heartbeat)) == ("7", Heartbeat)


def test_alarms_validity_and_what_is_not_there() -> None:
    reader = by(alarm="a", valid="ok", ignition="ign", satellites="sats", altitude="alt")
    assert fix_of(reader, {"a": "lowBattery"}).alarms == ("low_battery",)
    assert fix_of(reader, {"a": ["sos", "Odd"]}).alarms == ("sos", "other")
    fix = fix_of(reader, {"a": None, "ok": 0, "ign": "on", "sats": 7.0, "alt": "-3.5"})
    assert (fix.alarms, fix.valid, fix.ignition, fix.satellites, fix.altitude_m) == (
        (), False, True, 7, -3.5,
    )  # fmt: skip
    _, alarm = read(reader, "fleet/7/position", {"t": 1, "a": "sos"})
    assert isinstance(alarm, Alarm)


@pytest.mark.parametrize(
    "report",
    [{"lat": 91, "lon": 0}, {"lat": 1}, {"lat": "x", "lon": 1}, {"lat": True, "lon": 1},
     {"lat": "9" * 400, "lon": 1}, 7, "x", None, [7], [[]]],
)  # fmt: skip
def test_reports_that_say_nothing_right(report: Any) -> None:
    if isinstance(report, dict):
        report = {"t": 1, **report}
    assert fault(by(), "fleet/7/position", report) == "field"
    assert by().by_path("fleet/x", report, NOW) is None


# Commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "reply"),
    [
        ({"id": 7, "result": "ok", "text": "done"}, (7, True, "done")),
        ({"id": "7", "result": "error"}, (7, False, "")),
        ({"id": 65_535, "result": "ok", "text": None}, (65_535, True, "")),
        ({"result": "ok"}, (None, True, "")),
        ({"id": None, "result": "error", "more": 1}, (None, False, "")),
    ],
)
def test_what_has_become_of_a_command(document: Any, reply: tuple[Any, ...]) -> None:
    login, found = read(PLAIN, "tracker/7/ack", document, b"answer")
    assert login == Login(ident="7")
    assert isinstance(found, Reply)
    assert (found.reference, found.success, found.text) == reply
    assert (found.answer, found.final, found.fixes) == (b"answer", True, ())


@pytest.mark.parametrize(
    "document",
    [7, [], {}, {"id": 7}, {"result": True}, {"result": "OK"}, {"id": 0, "result": "ok"},
     {"id": 65_536, "result": "ok"}, {"id": 1.5, "result": "ok"}, {"id": "x", "result": "ok"},
     {"id": True, "result": "ok"}, {"id": [1], "result": "ok"}, {"result": "ok", "text": 7}],
)  # fmt: skip
def test_acknowledgements_that_say_nothing_right(document: Any) -> None:
    assert fault(PLAIN, "tracker/7/ack", document) == "field"


def test_a_mapping_has_topics_of_its_own_for_commands() -> None:
    """They are no reports, also where the filter of the reports covers them."""
    reader = by(topic="fleet/#", command_topic="fleet/{device}/down", ack_topic="fleet/{device}/up")
    assert read(reader, "fleet/7/down", b"whatever") == []
    assert reader.for_commands("fleet/7/down")
    _, reply = read(reader, "fleet/7/up", {"id": 3, "result": "ok"})
    assert isinstance(reply, Reply)
    assert not reader.for_commands("fleet/7/up")
    assert read(reader, "fleet/7/position", {"t": 1})[0].ident == "7"
    assert list(reader.command_topics("7")) == ["fleet/7/down", "tracker/7/cmd"]
    for ident in ("a/b", "+", "#", "", "a\0"):
        assert list(reader.command_topics(ident)) == []


def test_where_a_device_listens_follows_from_where_it_reports() -> None:
    reader = by(command_topic="{device}/orders")
    assert reader.address("fleet/7/position", "7") == ("7/orders", False)
    assert reader.address("tracker/7/position", "7") == ("tracker/7/cmd", False)
    assert reader.address("tracker/7/ack", "7") == ("tracker/7/cmd", False)
    assert reader.address(f"{PHONE}/event", PHONE) == (f"{PHONE}/cmd", True)
    for topic, ident in (("flespi/x", "7"), ("fleet/7/position", "a/b")):
        with pytest.raises(CommandError):
            reader.address(topic, ident)
    with pytest.raises(CommandError, match="no command_topic"):
        by().address("fleet/7/position", "7")


@pytest.mark.parametrize("t", ["r", "p", None, 7])
def test_a_location_that_was_asked_for_is_a_reply(t: Any) -> None:
    _, found = read(PLAIN, PHONE, LOCATION | {"t": t}, b"answer")
    assert isinstance(found, Reply if t == "r" else Positions)
    assert (found.answer, found.durable, len(found.fixes)) == (b"answer", True, 1)
    if isinstance(found, Reply):
        assert (found.to_kind, found.success, found.reference) == (CommandKind.LOCATE, True, None)


# What needs no mapping ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "ident"),
    [
        (PHONE, PHONE), (f"{PHONE}/event", PHONE), (f"{PHONE}/waypoints", PHONE),
        ("owntracks/jane/event", "owntracks/jane/event"), ("own/jane/phone", "own/jane/phone"),
        ("own/phone/event", "own/phone"), (f"/{PHONE}/", PHONE),
    ],
)  # fmt: skip
def test_a_phone_is_named_by_its_topic(topic: str, ident: str) -> None:
    login, _ = read(PLAIN, topic, LOCATION)
    assert login.ident == ident


def test_what_says_nothing() -> None:
    assert read(PLAIN, PHONE, b"") == []
    assert read(PLAIN, "flespi/x", []) == []
    assert read(PLAIN, f"{PHONE}/cmd", {"_type": "cmd", "action": "dump"}) == []
    assert read(PLAIN, "tracker/7/cmd", b"not even JSON") == []


def test_flespi() -> None:
    topic = "flespi/message/gw/devices/12"
    message = {"ident": "1001", "timestamp": 5, "position.latitude": 1, "position.longitude": 2}
    login, positions = read(PLAIN, topic, message, b"answer")
    assert (login.ident, positions.answer, positions.durable) == ("1001", b"answer", True)
    assert fault(PLAIN, topic, [{"timestamp": 5}]) == "field"


@pytest.mark.parametrize(
    ("topic", "document", "kind"),
    [
        ("elsewhere", {"lat": 1}, "topic"), ("elsewhere", 7, "topic"), ("", LOCATION, "topic"),
        ("a\0b", LOCATION, "topic"), ("x" * (TOPIC_MOST + 1), LOCATION, "topic"),
        ("/", LOCATION, "field"), (PHONE, b"{", "json"), (PHONE, b"\xff", "json"),
        (PHONE, {"_type": "location"}, "field"), (PHONE, 7, "topic"),
        ("tracker/\n/position", {"lat": 1, "lon": 2, "time": 5}, "field"),
        (PHONE, b" " * (PAYLOAD_MOST + 1), "length"),
    ],
)  # fmt: skip
def test_faults(topic: str, document: Any, kind: str) -> None:
    assert fault(PLAIN, topic, document) == kind


def sealed(secret: bytes, document: Any) -> dict[str, str]:
    box = nacl.secret.SecretBox(secret.ljust(32, b"\0"))
    inside = box.encrypt(json.dumps(document).encode())
    return {"_type": "encrypted", "data": base64.b64encode(inside).decode()}


@pytest.mark.parametrize("name", ["jane", "jane/phone"])
def test_encrypted_messages_are_opened_by_user_or_device(name: str) -> None:
    reader = Reader(secrets={name: "grüße", "jane/tablet": "other"})
    message = sealed("grüße".encode(), LOCATION)
    login, positions = read(reader, PHONE, message, b"answer")
    assert (login.ident, positions.answer) == (PHONE, b"answer")
    assert positions.fixes[0].lat == 1.5
    error, _, unread = read(reader, "owntracks/jane/tablet", message, b"answer")
    assert error.kind == "encrypted"
    assert isinstance(unread, Notice)
    assert unread.answer == b"answer"


@pytest.mark.parametrize(
    "record",
    [
        {"data": "???"}, {"data": None}, {}, {"data": "AAAA"}, sealed(b"right", [1]),
        sealed(b"right", sealed(b"right", LOCATION)), sealed(b"wrong", LOCATION),
        {"data": "é"},
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_counted_and_acknowledged(record: dict[str, Any]) -> None:
    reader = Reader(secrets={"jane": "right"})
    error, login, unread = read(reader, PHONE, {**record, "_type": "encrypted"})
    assert (error.kind, login.ident) == ("encrypted", PHONE)
    assert (unread.kind, unread.attributes) == ("unknown", {"kind": "encrypted"})


def test_the_topics_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publications, "ROUTES_MOST", 100)
    reader = Reader()
    for number in range(1000):
        read(reader, f"tracker/{number}/position", {"lat": 1, "lon": 2, "time": 5})
        assert len(reader._routes) <= 100
    known = len(reader._routes)
    read(reader, f"tracker/{'x' * 120}/position", {"lat": 1, "lon": 2, "time": 5})
    assert len(reader._routes) == known, "long ones are not remembered"
    assert fault(reader, "/".join("x" * 33), LOCATION) == "topic"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["_type", "ident", "lat", "lon", "t", "tst", "v", "id", "data", "time", "waypoints",
             "event", "rty", "timestamp", "position.latitude", "position.longitude"]
        ) | st.text(max_size=6),
        st.sampled_from(["location", "encrypted", "transition", "h", "waypoints"]) | inner,
        max_size=8,
    ),
    max_leaves=20,
)  # fmt: skip
TOPICS = st.sampled_from(
    [PHONE, f"{PHONE}/event", "fleet/7/position", "tracker/7/position", "flespi/x", "a"]
) | st.text(max_size=12)
READER = Reader(
    [JsonMapping(**{**WHERE, "speed": "v", "alarm": "id", "attributes": {"x": "data.t[0]"}})],
    {"jane": "secret"},
)


@given(topic=TOPICS, document=JSON)
def test_only_messages_of_named_devices_and_decode_errors_come_out(
    topic: str, document: Any
) -> None:
    payload = json.dumps(document).encode()
    items: list[Any] = []
    with contextlib.suppress(DecodeError):
        items = READER.read(topic, payload, NOW, b"answer")
    named = False
    for item in items:
        assert isinstance(item, Message | DecodeError)
        named = named or isinstance(item, Login)
        assert named or isinstance(item, DecodeError)
    assert sum(bool(getattr(item, "answer", b"")) for item in items) == bool(items)


@given(topic=TOPICS, payload=st.binary(max_size=200))
def test_any_bytes(topic: str, payload: bytes) -> None:
    with contextlib.suppress(DecodeError):
        items = READER.read(topic, payload, NOW)
        assert all(isinstance(item, Message | DecodeError) for item in items)
