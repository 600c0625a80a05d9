"""What is known of one MQTT connection between its packets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tracker.protocols.base import Session
from tracker.protocols.mqtt.connect import OPEN_MOST, Connect, Will
from tracker.protocols.mqtt.wire import PACKET_MOST, V311
from tracker.protocols.publications import Reader, reader_of

SUBSCRIPTIONS_MOST = 1_000  # of a connection: a bridge has one for each of its devices
SUBSCRIBED_MOST = 65_536  # characters of all of them: three score of each
COMMANDS_MOST = 100  # sent and not acknowledged


class Sent(NamedTuple):
    """A command that is on its way."""

    ident: str
    final: bool  # its arrival is all that the device will ever say of it


@dataclass(slots=True)
class Link:
    """State of a connection. Everything in here is bounded by what its packet may add."""

    session: Session
    reader: Reader
    connected: bool = False
    version: int = V311
    client_id: str = ""
    will: Will | None = None
    receive_most: int = OPEN_MOST  # commands that the client takes before it acknowledges one
    packet_most: int = PACKET_MOST
    several: bool = False  # more than one device has spoken
    half_received: set[int] = field(default_factory=set)  # QoS 2: PUBREC sent, PUBREL to come
    aliases: dict[int, str] = field(default_factory=dict)  # topics by number, of 5.0
    subscriptions: dict[str, int] = field(default_factory=dict)  # granted QoS by topic
    commands: dict[int, Sent] = field(default_factory=dict)  # by packet number

    def welcome(self, found: Connect) -> None:
        """Take over what a CONNECT says."""
        self.connected = True
        self.version = found.version
        self.client_id = found.client_id
        self.will = found.will
        self.receive_most = found.receive_most
        self.packet_most = found.packet_most


def link_of(session: Session) -> Link:
    """The state of a new connection."""
    return Link(session, reader_of(session.options))


def users_of(options: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """User names and passwords of a node's settings; empty where nobody is asked."""
    users = options.get(name)
    return users if isinstance(users, Mapping) else {}
