"""Messages from devices, and the packets that secure their way.

QoS 1: PUBLISH, answered by PUBACK. QoS 2: PUBLISH, PUBREC, PUBREL, PUBCOMP. PUBACK and PUBREC
promise storage, so they wait for it; a PUBLISH of QoS 2 that comes again before its PUBREL is
answered and not read again. Source: MQTT 5.0 sections 3.3 to 3.7 and 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracker.errors import DecodeError
from tracker.protocols.base import Aside, Login, Message, Reply
from tracker.protocols.mqtt import properties
from tracker.protocols.mqtt.connect import ALIASES_MOST, RECEIVE_MOST
from tracker.protocols.mqtt.link import Link
from tracker.protocols.mqtt.properties import Property
from tracker.protocols.mqtt.wire import (
    V5,
    Code,
    Fields,
    Kind,
    MqttError,
    Packet,
    acknowledgement,
    disconnect,
    text_of,
)
from tracker.protocols.publications import TOPIC_MOST, Item
from tracker.protocols.stream import STUMBLES, Outcome, stumble

DUPLICATE = 0b1000  # flags of PUBLISH
FAILED_FROM = 0x80  # reason codes from here on say that something was not done


def publish(link: Link, packet: Packet) -> Outcome:
    """topic [2 + n] | number [2], of QoS 1 and 2 | properties, of 5.0 | payload"""
    flags, body = packet.flags, packet.body
    qos = flags >> 1 & 3
    if qos == 3 or (flags & DUPLICATE and not qos):
        raise MqttError(Code.MALFORMED, f"PUBLISH with flags {flags:#06b}", body)
    at = 2 + (body[0] << 8 | body[1])
    if at > len(body):
        raise MqttError(Code.MALFORMED, "PUBLISH with half a topic", body)
    topic = text_of(body[2:at])
    if "+" in topic or "#" in topic:
        raise MqttError(Code.TOPIC, "PUBLISH to a topic with wildcards", body)
    identifier = 0
    if qos:
        identifier = body[at] << 8 | body[at + 1]
        at += 2
        if not identifier:
            raise MqttError(Code.MALFORMED, "PUBLISH of number 0", body)
    if link.version == V5:
        fields = Fields(body[at:])
        topic = _named(link, topic, properties.read(fields, properties.IN_PUBLISH))
        payload = fields.rest()
    else:
        payload = body[at:]
    if not topic:
        raise MqttError(Code.PROTOCOL, "PUBLISH without a topic", body)
    if qos == 2:
        return _exactly_once(link, topic, payload, identifier)
    answer = b"\x40\x02%c%c" % divmod(identifier, 256) if qos else b""
    return _read(link, topic, payload, identifier, answer)


def _named(link: Link, topic: str, stated: dict[int, object]) -> str:
    """The topic of a PUBLISH that may have stated its number in place of it."""
    alias = stated.get(Property.TOPIC_ALIAS)
    if alias is None:
        return topic
    if not isinstance(alias, int) or not 1 <= alias <= ALIASES_MOST:
        raise MqttError(Code.TOPIC_ALIAS, f"topic alias {alias}")
    if topic and len(topic) <= TOPIC_MOST:
        link.aliases[alias] = topic
    if not topic and alias not in link.aliases:
        raise MqttError(Code.PROTOCOL, f"topic alias {alias} of no topic")
    return topic or link.aliases[alias]


def _exactly_once(link: Link, topic: str, payload: bytes, identifier: int) -> Outcome:
    received = acknowledgement(Kind.PUBREC, identifier)
    if identifier in link.half_received:  # the answer waits behind that to the first one
        return Aside(received)
    if len(link.half_received) >= RECEIVE_MOST:
        raise MqttError(Code.RECEIVE_MAXIMUM, f"more than {RECEIVE_MOST} messages half sent")
    link.half_received.add(identifier)
    return _read(link, topic, payload, identifier, received)


def _read(link: Link, topic: str, payload: bytes, identifier: int, answer: bytes) -> Outcome:
    """What is published. What cannot be read is counted, and acknowledged as far as it must be."""
    try:
        items = link.reader.read(topic, payload, link.session.now, answer)
    except STUMBLES as error:
        return _unread(link, stumble("mqtt", error), identifier, answer)
    if len(items) == 2:
        login, message = items
        if (
            isinstance(login, Login)
            and login.ident == link.session.ident
            and isinstance(message, Message)
        ):
            return message
    return list(announced(link, items)) if items else Aside(answer)


def _unread(link: Link, error: DecodeError, identifier: int, answer: bytes) -> Outcome:
    """Clients before 5.0 can only be told that it has come; others that it was not taken."""
    if link.version == V5 and answer:
        kind = Kind(answer[0] >> 4)
        link.half_received.discard(identifier)
        answer = acknowledgement(
            kind, identifier, Code.TOPIC if error.kind == "topic" else Code.PAYLOAD
        )
    return [error, Aside(answer)] if answer else [error]


def announced(link: Link, items: list[Item]) -> Iterator[Item]:
    """The same, without the Login of who spoke last."""
    refusal = disconnect(Code.NOT_AUTHORIZED) if link.version == V5 else b""
    for item in items:
        if not isinstance(item, Login):
            yield item
        elif item.ident != link.session.ident:
            link.several = link.several or link.session.ident is not None
            link.session.ident = item.ident
            yield Login(ident=item.ident, refusal=refusal)


def release(link: Link, packet: Packet) -> Outcome:
    """PUBREL, number [2]: the sender knows that we have it; the number is free again."""
    identifier, _ = acknowledged(link, packet)
    known = identifier in link.half_received
    link.half_received.discard(identifier)
    code = Code.SUCCESS if known or link.version != V5 else Code.NO_SUCH_ID
    return Aside(acknowledgement(Kind.PUBCOMP, identifier, code))


def command_arrived(link: Link, packet: Packet) -> Outcome:
    """PUBACK, number [2]: a command has reached its device, or in 5.0 was not taken.

    It is the reply only where the device itself says nothing more.
    """
    identifier, code = acknowledged(link, packet)
    sent = link.commands.pop(identifier, None)
    if sent is None:
        return [DecodeError("unasked", f"mqtt: PUBACK of {identifier}, which was not sent")]
    failed = code >= FAILED_FROM
    reply = Reply(reference=identifier, success=not failed, final=sent.final or failed)
    return list(announced(link, [Login(ident=sent.ident), reply]))


def unasked(link: Link, packet: Packet) -> Outcome:
    """PUBREC and PUBCOMP: we send nothing with QoS 2."""
    identifier, _ = acknowledged(link, packet)
    return [DecodeError("unasked", f"mqtt: {Kind(packet.kind).name} of {identifier}")]


def acknowledged(link: Link, packet: Packet) -> tuple[int, int]:
    """(number, reason code) of an acknowledgement: number [2] | code [1] | properties, of 5.0"""
    fields = Fields(packet.body)
    identifier, code = fields.identifier(), 0
    if link.version == V5 and fields:
        code = fields.number(1)
        if fields:
            properties.read(fields, properties.IN_ACKNOWLEDGEMENT)
    if fields:
        raise MqttError(Code.MALFORMED, "an acknowledgement with something behind its end")
    return identifier, code
