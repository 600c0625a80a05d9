"""MQTT packets out of bytes and into bytes: fixed header, fields, packets of the server.

    kind and flags [1] | remaining length [1..4, 7 bits a byte, low first] | that many bytes

Source: MQTT 5.0 (OASIS, 2019) sections 1.5 and 2, with section 2 of MQTT 3.1.1 and 3.1. The codes
are the reason codes of 5.0, which are told to clients of 5.0 only.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.publications import PAYLOAD_MOST

PACKET_MOST = PAYLOAD_MOST + 4_096  # bytes: a payload, and the longest topic and properties with it
LENGTH_BYTES = 4
V31, V311, V5 = 3, 4, 5  # protocol levels


class Kind(enum.IntEnum):
    """Kinds of packets; the high half of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class Code(enum.IntEnum):
    """Reason codes that are told (MQTT 5.0 section 2.4)."""

    SUCCESS = 0x00
    WITH_WILL = 0x04
    NO_SUBSCRIPTION = 0x11
    MALFORMED = 0x81
    PROTOCOL = 0x82
    VERSION = 0x84
    CLIENT_ID = 0x85
    CREDENTIALS = 0x86
    NOT_AUTHORIZED = 0x87
    AUTH_METHOD = 0x8C
    TOPIC_FILTER = 0x8F
    TOPIC = 0x90
    NO_SUCH_ID = 0x92
    RECEIVE_MAXIMUM = 0x93
    TOPIC_ALIAS = 0x94
    TOO_LARGE = 0x95
    QUOTA = 0x97
    PAYLOAD = 0x99
    SHARED = 0x9E
    SUBSCRIPTION_ID = 0xA1


class MqttError(DecodeError):
    """A packet that ends its connection, as the standard demands (MQTT 5.0 section 4.13)."""

    def __init__(self, code: Code, message: str, value: bytes = b"") -> None:
        super().__init__(code.name.lower(), f"mqtt: {message}", value)
        self.code_told = code


class Packet(NamedTuple):
    """One whole packet; `flags` is the low half of its first byte."""

    kind: int
    flags: int
    body: bytes


def cut(data: bytearray) -> tuple[int, int] | None:
    """(where the body begins, where it ends) of the packet that `data` begins with.

    None if bytes are missing. Raises MqttError.
    """
    length = 0
    for place in range(1, min(len(data), LENGTH_BYTES + 1)):
        byte = data[place]
        length |= (byte & 0x7F) << (7 * (place - 1))
        if byte < 0x80:
            end = place + 1 + length
            if end > PACKET_MOST:
                raise MqttError(
                    Code.TOO_LARGE, f"a packet of {end} bytes", bytes(data[: place + 1])
                )
            return (place + 1, end) if len(data) >= end else None
    if len(data) > LENGTH_BYTES:
        raise MqttError(
            Code.MALFORMED, "a length of more than four bytes", bytes(data[: LENGTH_BYTES + 1])
        )
    return None


class Fields:
    """Reads the fields of a body one after the other. Raises MqttError where they end early."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._body)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self._at + count
        if end > len(self._body):
            raise MqttError(Code.MALFORMED, "a packet that ends too early", self._body)
        taken = self._body[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """A number of `size` bytes, high byte first."""
        return int.from_bytes(self.take(size), "big")

    def identifier(self) -> int:
        """The number of a packet, which is never 0."""
        found = self.number(2)
        if not found:
            raise MqttError(Code.MALFORMED, "a packet of number 0", self._body)
        return found

    def varint(self) -> int:
        """A number of one to four bytes, 7 bits each, low first."""
        value = 0
        for place in range(LENGTH_BYTES):
            byte = self.number(1)
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value
        raise MqttError(Code.MALFORMED, "a number of more than four bytes", self._body)

    def binary(self) -> bytes:
        """Bytes behind their length in two bytes."""
        return self.take(self.number(2))

    def text(self) -> str:
        """A text behind its length in two bytes."""
        return text_of(self.binary())

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._body) - self._at)


def text_of(data: bytes) -> str:
    """A UTF-8 text; one that is none, or holds U+0000, ends the connection [MQTT-1.5.4-1, -2]."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MqttError(Code.MALFORMED, "a text that is no UTF-8", data) from None
    if "\0" in text:
        raise MqttError(Code.MALFORMED, "a text with U+0000 in it", data)
    return text


# -- packets of the server -------------------------------------------------------------------------

PINGRESP = b"\xd0\x00"


def varint(value: int) -> bytes:
    """A number in one to four bytes."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def packet(kind: Kind, body: bytes, flags: int = 0) -> bytes:
    """A whole packet."""
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


def acknowledgement(kind: Kind, identifier: int, code: Code = Code.SUCCESS) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP; with a code only for clients of 5.0."""
    flags = 0b0010 if kind is Kind.PUBREL else 0
    body = identifier.to_bytes(2, "big")
    return packet(kind, body + bytes((code,)) if code else body, flags)


def publish(topic: str, payload: bytes, identifier: int, *, version: int) -> bytes:
    """A PUBLISH of QoS 1, or of QoS 0 with an `identifier` of 0."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name
    if identifier:
        head += identifier.to_bytes(2, "big")
    if version == V5:
        head += b"\0"  # no properties
    return packet(Kind.PUBLISH, head + payload, 0b0010 if identifier else 0)


def disconnect(code: Code) -> bytes:
    """DISCONNECT of the server, which only clients of 5.0 know."""
    return packet(Kind.DISCONNECT, bytes((code,)))
