"""The first packet of a connection, and its answer.

    protocol name | level [1] | flags [1] | keep alive s [2] | properties (5.0)
    | client id | will properties (5.0) | will topic | will payload | user name | password

Source: section 3.1 of MQTT 3.1, 3.1.1 and 5.0. The server keeps no sessions between connections, so
it says that there was none, and in 5.0 that there will be none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker.protocols.mqtt import properties
from tracker.protocols.mqtt.properties import Property, written
from tracker.protocols.mqtt.wire import (
    PACKET_MOST,
    V5,
    V31,
    V311,
    Code,
    Fields,
    Kind,
    MqttError,
    packet,
)
from tracker.protocols.publications import TOPIC_MOST

LEVELS = {("MQIsdp", V31), ("MQTT", V311), ("MQTT", V5)}
RECEIVE_MOST = 1_000  # messages of QoS 2 that are half received; 2 bytes of each are kept
ALIASES_MOST = 50  # topics that a client may give a number: a device has a handful
WILL_MOST = 4_096  # bytes of a will, which is held as long as the connection: apps send a hundred
OPEN_MOST = 0xFFFF  # messages that a client before 5.0 takes without acknowledging them

# What 3.1.1 says in CONNACK for a reason code of 5.0.
OLD_CODES: Mapping[Code, int] = {
    Code.VERSION: 1, Code.CLIENT_ID: 2, Code.CREDENTIALS: 4, Code.NOT_AUTHORIZED: 5,
}  # fmt: skip


class Will(NamedTuple):
    """What a client wants to have said should its connection be lost."""

    topic: str
    payload: bytes


class Connect(NamedTuple):
    """What a client says of itself."""

    version: int
    client_id: str
    keepalive_s: int
    will: Will | None = None
    user: str | None = None
    password: bytes | None = None
    receive_most: int = OPEN_MOST
    packet_most: int = PACKET_MOST
    answer: bytes = b""  # CONNACK


class RefusedError(MqttError):
    """A client that is turned away: `answer` is the CONNACK that says so."""

    def __init__(self, code: Code, message: str, version: int) -> None:
        super().__init__(code, message)
        self.answer = connack(code, version)


def connack(code: Code, version: int, *told: tuple[Property, bytes]) -> bytes:
    """The answer to CONNECT; nothing where a version has no word for what is wrong."""
    if version == V5:
        return packet(Kind.CONNACK, bytes((0, code)) + written(*told))
    if code is Code.SUCCESS:
        return b"\x20\x02\x00\x00"
    return bytes((0x20, 2, 0, OLD_CODES[code])) if code in OLD_CODES else b""


def level_of(body: bytes) -> int:
    """The version that a CONNECT of any content asks for; 0 if it does not come so far."""
    end = 2 + int.from_bytes(body[:2], "big")
    return body[end] if end < len(body) else 0


def read(body: bytes, users: Mapping[str, str]) -> Connect:
    """What a CONNECT says; its user must be one of `users` where there are any.

    Raises RefusedError for a client that is told so, MqttError for a packet that is none.
    """
    fields = Fields(body)
    name, version = fields.text(), fields.number(1)
    if (name, version) not in LEVELS:
        raise RefusedError(Code.VERSION, f"version {version} of {name[:20]!r}", V311)
    try:
        found = _rest(fields, version)
    except RefusedError:
        raise
    except MqttError as error:
        if version == V5:
            raise RefusedError(error.code_told, error.message, version) from None
        raise
    _check_credentials(found, users)
    return found


def _rest(fields: Fields, version: int) -> Connect:
    flags, keepalive_s = fields.number(1), fields.number(2)
    has_user, has_password, has_will = flags & 0x80, flags & 0x40, flags & 0x04
    if flags & 0x01 or flags & 0x18 == 0x18 or (not has_will and flags & 0x38):
        raise MqttError(Code.MALFORMED, f"CONNECT with flags {flags:#04x}")
    if has_password and not has_user and version != V5:
        raise MqttError(Code.MALFORMED, "a password without a user name")
    stated = properties.read(fields, properties.IN_CONNECT) if version == V5 else {}
    if Property.AUTH_METHOD in stated:
        raise RefusedError(Code.AUTH_METHOD, "authentication by another method", version)
    client_id = fields.text()
    will = _will(fields, version) if has_will else None
    user = fields.text() if has_user else None
    password = fields.binary() if has_password else None
    if fields:
        raise MqttError(Code.MALFORMED, "CONNECT with something behind its end")
    if not client_id and (version == V31 or (version == V311 and not flags & 0x02)):
        raise RefusedError(Code.CLIENT_ID, "a session without a client id", version)
    return Connect(
        version, client_id, keepalive_s, will, user, password,
        stated.get(Property.RECEIVE_MAXIMUM, OPEN_MOST),
        stated.get(Property.PACKET_MAXIMUM, PACKET_MOST),
        _welcome(version, client_id, stated),
    )  # fmt: skip


def _will(fields: Fields, version: int) -> Will:
    if version == V5:
        properties.read(fields, properties.IN_WILL)
    will = Will(fields.text(), fields.binary())
    if len(will.payload) > WILL_MOST or len(will.topic) > TOPIC_MOST:
        raise MqttError(Code.TOO_LARGE, f"a will of {len(will.payload)} bytes")
    return will


def _welcome(version: int, client_id: str, stated: Mapping[int, Any]) -> bytes:
    """CONNACK, in 5.0 with the limits that hold here."""
    told = [
        (Property.RECEIVE_MAXIMUM, RECEIVE_MOST.to_bytes(2, "big")),
        (Property.PACKET_MAXIMUM, PACKET_MOST.to_bytes(4, "big")),
        (Property.TOPIC_ALIAS_MAXIMUM, ALIASES_MOST.to_bytes(2, "big")),
        (Property.SUBSCRIPTION_ID_AVAILABLE, b"\0"),
        (Property.SHARED_AVAILABLE, b"\0"),
    ]
    if stated.get(Property.SESSION_EXPIRY):
        told.append((Property.SESSION_EXPIRY, bytes(4)))
    if not client_id:
        name = secrets.token_hex(8).encode()
        told.append((Property.ASSIGNED_CLIENT_ID, len(name).to_bytes(2, "big") + name))
    return connack(Code.SUCCESS, version, *told)


def _check_credentials(found: Connect, users: Mapping[str, str]) -> None:
    """The same work whether a name or its password is wrong, and whatever is wrong with it."""
    if not users:
        return
    known = users.get(found.user or "")
    right = hashlib.sha256((known or "").encode()).digest()
    stated = hashlib.sha256(found.password or b"").digest()
    if not hmac.compare_digest(right, stated) or known is None:
        raise RefusedError(Code.CREDENTIALS, "wrong user name or password", found.version)
