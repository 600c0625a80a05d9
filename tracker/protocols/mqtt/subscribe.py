"""What devices wish to hear: SUBSCRIBE and UNSUBSCRIBE.

Nothing that one device says is passed on to another, so only topics on which a device gets its
commands are granted: names without wildcards whose last level is `cmd`, or that a mapping calls the
topic of commands. Source: MQTT 5.0 sections 3.8 to 3.11.
"""

from __future__ import annotations

from tracker.errors import DecodeError
from tracker.mappings import filter_levels
from tracker.protocols.base import Aside
from tracker.protocols.mqtt import properties
from tracker.protocols.mqtt.link import SUBSCRIBED_MOST, SUBSCRIPTIONS_MOST, Link
from tracker.protocols.mqtt.properties import Property
from tracker.protocols.mqtt.wire import V5, V31, V311, Code, Fields, Kind, MqttError, Packet, packet
from tracker.protocols.publications import FOR_DEVICES, TOPIC_MOST
from tracker.protocols.stream import Outcome

FAILURE = 0x80  # all that SUBACK of 3.1.1 can say
QOS_MOST = 1  # of commands: an answer is all that is needed


def subscribe(link: Link, asked: Packet) -> Outcome:
    """number [2] | properties, of 5.0 | { topic filter [2 + n] | options [1] }"""
    fields = Fields(asked.body)
    identifier = fields.identifier()
    if link.version == V5:
        stated = properties.read(fields, properties.IN_SUBSCRIBE)
        if Property.SUBSCRIPTION_ID in stated:
            raise MqttError(Code.SUBSCRIPTION_ID, "a subscription identifier, which we refused")
    granted = bytearray()
    while fields or not granted:  # at least one, or the packet is no packet
        topic = fields.text()
        granted.append(_grant(link, topic, _qos(link, fields.number(1))))
    return Aside(_answer(link, Kind.SUBACK, identifier, bytes(granted)))


def _qos(link: Link, options: int) -> int:
    """QoS [2 bits]; of 5.0 also what to do with own and retained messages [4 bits]."""
    qos = options & 0b11
    reserved = {V31: 0, V311: 0xFC, V5: 0xC0}[link.version]
    if qos == 3 or options & reserved or (link.version == V5 and options & 0x30 == 0x30):
        raise MqttError(Code.MALFORMED, f"a subscription with options {options:#04x}")
    return qos


def _grant(link: Link, topic: str, qos: int) -> int:
    """The code of SUBACK: the QoS that is granted, or why none is."""
    refusal = _refusal(link, topic)
    if refusal is None:
        link.subscriptions[topic] = min(qos, QOS_MOST)
        return link.subscriptions[topic]
    if link.version == V31:
        return 0  # it has no word for a refusal; nothing will come
    return refusal if link.version == V5 else FAILURE


def _refusal(link: Link, topic: str) -> Code | None:
    try:
        levels = filter_levels(topic)
    except ValueError:
        return Code.TOPIC_FILTER
    if levels[0] == "$share":
        return Code.SHARED
    if "+" in levels or levels[-1] == "#" or not _for_commands(link, topic, levels[-1]):
        return Code.NOT_AUTHORIZED
    known = link.subscriptions
    size = sum(map(len, known)) + len(topic)
    if topic not in known and (len(known) >= SUBSCRIPTIONS_MOST or size > SUBSCRIBED_MOST):
        return Code.QUOTA
    return None


def _for_commands(link: Link, topic: str, last: str) -> bool:
    if len(topic) > TOPIC_MOST:
        return False
    if last == FOR_DEVICES:
        return True
    try:
        return link.reader.for_commands(topic)
    except DecodeError:  # no topic of anybody's
        return False


def unsubscribe(link: Link, asked: Packet) -> Outcome:
    """number [2] | properties, of 5.0 | { topic filter [2 + n] }"""
    fields = Fields(asked.body)
    identifier = fields.identifier()
    if link.version == V5:
        properties.read(fields, properties.IN_UNSUBSCRIBE)
    codes = bytearray()
    while fields or not codes:
        known = link.subscriptions.pop(fields.text(), None) is not None
        codes.append(Code.SUCCESS if known else Code.NO_SUBSCRIPTION)
    said = bytes(codes) if link.version == V5 else b""
    return Aside(_answer(link, Kind.UNSUBACK, identifier, said))


def _answer(link: Link, kind: Kind, identifier: int, codes: bytes) -> bytes:
    no_properties = b"\0" if link.version == V5 else b""
    return packet(kind, identifier.to_bytes(2, "big") + no_properties + codes)
