"""Properties of MQTT 5.0: which there are, how each is written, and where it may stand.

A property is a number and a value whose form the number decides; section 2.2.2 of the standard.
What is not known, does not belong there, or comes twice ends the connection.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

from tracker.protocols.mqtt.wire import Code, Fields, MqttError, varint


class Property(enum.IntEnum):
    """Properties that a client may send, and those that are told to it."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    AUTH_METHOD = 0x15
    AUTH_DATA = 0x16
    REQUEST_PROBLEM = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE = 0x19
    REASON = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    USER = 0x26
    PACKET_MAXIMUM = 0x27
    SUBSCRIPTION_ID_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


def _byte(fields: Fields) -> int:
    return fields.number(1)


def _two(fields: Fields) -> int:
    return fields.number(2)


def _four(fields: Fields) -> int:
    return fields.number(4)


def _flag(fields: Fields) -> bool:
    value = fields.number(1)
    if value > 1:
        raise MqttError(Code.PROTOCOL, f"a property that is neither 0 nor 1: {value}")
    return bool(value)


def _above_zero(read: Callable[[Fields], int]) -> Callable[[Fields], int]:
    def positive(fields: Fields) -> int:
        value = read(fields)
        if not value:
            raise MqttError(Code.PROTOCOL, "a property that must not be 0")
        return value

    return positive


def _pair(fields: Fields) -> tuple[str, str]:
    return fields.text(), fields.text()


READERS: Mapping[int, Callable[[Fields], Any]] = {
    Property.PAYLOAD_FORMAT: _flag,
    Property.MESSAGE_EXPIRY: _four,
    Property.CONTENT_TYPE: Fields.text,
    Property.RESPONSE_TOPIC: Fields.text,
    Property.CORRELATION: Fields.binary,
    Property.SUBSCRIPTION_ID: _above_zero(Fields.varint),
    Property.SESSION_EXPIRY: _four,
    Property.AUTH_METHOD: Fields.text,
    Property.AUTH_DATA: Fields.binary,
    Property.REQUEST_PROBLEM: _flag,
    Property.WILL_DELAY: _four,
    Property.REQUEST_RESPONSE: _flag,
    Property.REASON: Fields.text,
    Property.RECEIVE_MAXIMUM: _above_zero(_two),
    Property.TOPIC_ALIAS_MAXIMUM: _two,
    Property.TOPIC_ALIAS: _two,
    Property.USER: _pair,
    Property.PACKET_MAXIMUM: _above_zero(_four),
}

_MESSAGE = frozenset(
    {Property.PAYLOAD_FORMAT, Property.MESSAGE_EXPIRY, Property.CONTENT_TYPE,
     Property.RESPONSE_TOPIC, Property.CORRELATION, Property.USER}
)  # fmt: skip
IN_CONNECT = frozenset(
    {Property.SESSION_EXPIRY, Property.AUTH_METHOD, Property.AUTH_DATA, Property.REQUEST_PROBLEM,
     Property.REQUEST_RESPONSE, Property.RECEIVE_MAXIMUM, Property.TOPIC_ALIAS_MAXIMUM,
     Property.USER, Property.PACKET_MAXIMUM}
)  # fmt: skip
IN_WILL = _MESSAGE | {Property.WILL_DELAY}
IN_PUBLISH = _MESSAGE | {Property.TOPIC_ALIAS}
IN_ACKNOWLEDGEMENT = frozenset({Property.REASON, Property.USER})
IN_SUBSCRIBE = frozenset({Property.SUBSCRIPTION_ID, Property.USER})
IN_UNSUBSCRIBE = frozenset({Property.USER})
IN_DISCONNECT = frozenset({Property.SESSION_EXPIRY, Property.REASON, Property.USER})


def read(fields: Fields, allowed: frozenset[Property]) -> dict[int, Any]:
    """The properties that stand next in a packet. Raises MqttError."""
    size = fields.varint()
    if not size:
        return {}
    inside = Fields(fields.take(size))
    found: dict[int, Any] = {}
    while inside:
        number = inside.varint()
        if number not in allowed:
            raise MqttError(Code.MALFORMED, f"property {number} does not belong there")
        value = READERS[number](inside)
        if number in found and number != Property.USER:
            raise MqttError(Code.PROTOCOL, f"property {number} twice")
        found[number] = value
    return found


def written(*properties: tuple[Property, bytes]) -> bytes:
    """Properties, behind their length; each value as it goes on the wire."""
    inside = b"".join(bytes((number,)) + value for number, value in properties)
    return varint(len(inside)) + inside
