"""Settings of brokers: ranges of devices, addresses, topics; what cannot be names its key."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.brokers import check_filter, device_key, parse_url
from tracker.config import load
from tracker.errors import ConfigError
from tracker.mqtt.lane import Limits
from tracker.mqtt.relay import Relay
from tracker.mqtt.requests import Code, Refusal, request_of
from tracker.registry import normal_ident


def broker(name="a", **more):
    return {"name": name, "url": "mqtt://127.0.0.1"} | more


def broker_of(device, *brokers):
    """The name of the broker that a device's messages go to; None: there is none."""
    relay = Relay(load(relay_brokers=list(brokers)).relay_brokers, "n", Limits())
    request = request_of({"device_id": device, "topic": "t", "message": ""}, 9)
    try:
        return relay.lane_of(request).name
    except Refusal as refusal:
        return None if refusal.code is Code.NO_BROKER else refusal.code.word


async def test_numbers_compare_as_numbers_and_texts_as_texts():
    low = broker("low", first="1", last="99")
    high = broker("high", first="100", last="356307042441013")
    text = broker("text", first="alpha", last="n")
    for device, name in {
        "1": "low", "99": "low", "100": "high", "20": "low", "1000": "high", "0042": "low",
        " 7 ": "low", 356307042441013: "high", 356307042441014: None, "0": None,
        "alpha": "text", "ALPINE": "text", "mz": "text", "n": "text", "na": None, "al": None,
        "-5": None, "5a": None,
    }.items():  # fmt: skip
        assert broker_of(device, text, high, low) == name, device


async def test_a_broker_without_a_range_has_all_devices():
    for device in ("0", "x", 10**40, "Ω", "~"):
        assert broker_of(device, broker("only")) == "only"


@given(st.text(min_size=1, max_size=20))
def test_ids_that_are_one_identity_are_one_place(text):
    try:
        key = device_key(text)
    except ValueError:
        return
    assert device_key(normal_ident(text)) == key


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=4, unique=True), st.data())
def test_of_ranges_that_do_not_overlap_each_device_has_the_right_one(ends, data):
    async def run():
        a, b, c, d = sorted(ends)
        brokers = [
            broker("one", first=str(a), last=str(b)), broker("two", first=str(c), last=str(d)),
        ]  # fmt: skip
        for device in data.draw(st.lists(st.integers(0, 10**6), max_size=20)) + ends:
            wanted = "one" if a <= device <= b else "two" if c <= device <= d else None
            assert broker_of(device, *brokers) == wanted

    asyncio.run(run())


@pytest.mark.parametrize(
    ("brokers", "message"),
    [
        ([broker("a"), broker("b")], "the ranges of a and b overlap"),
        ([broker("a"), broker("b", first="1", last="2")], "the ranges of a and b overlap"),
        (
            [broker("a", first="1", last="10"), broker("b", first="10", last="20")],
            "the ranges of a and b overlap",
        ),
        (
            [
                broker("a", first="1", last="100"),
                broker("b", first="2", last="3"),
                broker("c", first="200", last="300"),
            ],
            "the ranges of a and b overlap",
        ),
        (
            [broker("a", first="A", last="m"), broker("b", first="M", last="z")],
            "the ranges of a and b overlap",
        ),
        ([broker(first="10", last="9")], "10 to 9: the first must not be after the last"),
        ([broker(first="1", last="z")], "1 to z: both must be numbers, or both texts"),
        ([broker(first="1")], "a device id is 1 to 64 printable characters"),
        ([broker(), broker(first="1", last="2")], "the name a is there twice"),
        ([broker(url="tcp://h:1")], "must be mqtt://host:port or mqtts://host:port"),
        ([broker(url="mqtt://u:p@h:1")], "must not carry a password"),
        ([broker(url="mqtt://h:1/path")], "must end with the port"),
        ([broker(url="mqtt://h:x")], "Port could not be cast"),
        ([broker(password="x")], "password: needs username"),
        ([broker(key_file="x")], "key_file: needs cert_file"),
        ([broker(name="a b")], "should match pattern"),
        ([broker(version="4")], "Input should be"),
        ([broker(colour="red")], "Extra inputs are not permitted"),
    ],
)
def test_brokers_that_cannot_be(brokers, message):
    with pytest.raises(ConfigError, match="TRACKER_RELAY_BROKERS") as caught:
        load(relay_brokers=brokers)
    assert message in caught.value.message


def test_two_ranges_side_by_side_are_no_overlap():
    brokers = [
        broker("a", first="1", last="10"), broker("b", first="11", last="20"),
        broker("c", first="a", last="c"), broker("d", first="d", last="d"),
    ]  # fmt: skip
    assert len(load(relay_brokers=brokers).relay_brokers) == 4


def test_beyond_this_machine_the_relay_needs_a_token():
    for settings in ({"relay_token": "t"}, {"admin_token": "t"}):
        config = load(relay="0.0.0.0:9502", relay_brokers=[broker()], **settings)
        assert config.relay_tokens == (b"t",)
    with pytest.raises(ConfigError, match=r"relay=0\.0\.0\.0:9502 .* set relay_token"):
        load(relay="0.0.0.0:9502", relay_brokers=[broker()], allow_public_without_login=True)
    assert load(relay="127.0.0.1:9502", relay_brokers=[broker()]).relay_tokens == ()
    with pytest.raises(ConfigError, match="of no use without relay_brokers"):
        load(relay="127.0.0.1:9502")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://h", (False, "h", 1883)),
        ("mqtts://h", (True, "h", 8883)),
        ("mqtts://[::1]:99/", (True, "::1", 99)),
    ],
)
def test_addresses(url, address):
    assert parse_url(url) == address


@pytest.mark.parametrize(
    "topic", ["#", "a/+/b", "+/+/#", "/", "$share/g/a/#", "$share/g/#", "$SYS/#", "a//b"]
)
def test_filters(topic):
    assert check_filter(topic) == topic


@pytest.mark.parametrize(
    "topic",
    [
        "", "a+", "a/#/b", "#a", "$share/g", "$share//a", "$share/+/a", "$share/g/", "$share/g\0/a",
        "$share/g/a+", "a\0", "x" * 1_025,
    ],
)  # fmt: skip
def test_what_is_no_filter(topic):
    with pytest.raises(ConfigError, match="TRACKER_MQTT_SOURCES"):
        load(mqtt_sources=[broker(topics=[topic])])


def test_a_source_has_topics():
    with pytest.raises(ConfigError):
        load(mqtt_sources=[broker(topics=[])])
    with pytest.raises(ConfigError, match="the name a is there twice"):
        load(mqtt_sources=[broker(topics=["x"]), broker(topics=["y"])])
