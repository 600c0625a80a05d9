"""The decoder of a connection that speaks MQTT 3.1, 3.1.1 or 5.0: the server's end of it.

CONNECT is answered before anybody is named: whose message it is, a message says. A connection may
carry several devices, as a bridge's does. A packet that the standard does not allow ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tracker.errors import DecodeError
from tracker.protocols.base import Aside, Heartbeat, Logout, Message, Refused, Session
from tracker.protocols.mqtt import connect, properties
from tracker.protocols.mqtt.commands import COMMANDS, deaf
from tracker.protocols.mqtt.connect import RefusedError
from tracker.protocols.mqtt.link import Link, link_of, users_of
from tracker.protocols.mqtt.publish import announced, command_arrived, publish, release, unasked
from tracker.protocols.mqtt.subscribe import subscribe, unsubscribe
from tracker.protocols.mqtt.wire import (
    PINGRESP,
    V5,
    V31,
    Code,
    Fields,
    Kind,
    MqttError,
    Packet,
    cut,
    disconnect,
)
from tracker.protocols.publications import USERS, Item
from tracker.protocols.stream import STUMBLES, Outcome, StreamDecoder, stumble

SILENCE = 1.5  # of the keep alive that a client states, after which it is gone [MQTT-3.1.2-22]
# Flags that a packet must have [MQTT-2.1.3-1]; clients of 3.1 use them freely.
FLAGS: Mapping[int, int] = {Kind.PUBREL: 0b0010, Kind.SUBSCRIBE: 0b0010, Kind.UNSUBSCRIBE: 0b0010}


class MqttDecoder(StreamDecoder[Packet]):
    """Decoder of one connection."""

    name = "mqtt"
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link: Link = link_of(session)
        self.users = users_of(session.options, USERS)
        self.over = False  # nothing more is read
        session.farewell = self.lost
        session.deaf = partial(deaf, self.link)

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came, in any cut; after the end they are passed over."""
        if not self.over:
            self.buffer.feed(data)

    def cut(self) -> Packet | None:
        """The next whole packet. MqttError, with its answer behind it, for one that is none."""
        data = self.buffer.data
        try:
            place = cut(data)
        except MqttError as error:
            self._ready.append(self._end(error))
            raise
        if place is None:
            return None
        first, (begin, end) = data[0], place
        found = Packet(first >> 4, first & 0x0F, bytes(data[begin:end]))
        self.buffer.drop(end)
        return found

    def decode(self, frame: Packet) -> Outcome:
        """The messages of one packet."""
        link = self.link
        if frame.kind == Kind.PUBLISH and link.connected:
            return publish(link, frame)
        if not link.connected:
            return self._connect(frame)
        handler = HANDLERS.get(frame.kind)
        if handler is None:
            raise MqttError(Code.PROTOCOL, f"a packet of kind {frame.kind}", frame.body)
        if frame.flags != FLAGS.get(frame.kind, 0) and link.version != V31:
            raise MqttError(Code.MALFORMED, f"kind {frame.kind} with flags {frame.flags:#06b}")
        outcome = handler(link, frame)
        if frame.kind == Kind.DISCONNECT:
            self._stop()
        return outcome

    def refuse(self, frame: Packet, error: DecodeError) -> Message | None:  # noqa: ARG002
        """What the standard does not allow ends the connection."""
        return self._end(error)

    def lost(self) -> list[Item]:
        """The connection has gone without a word: the will that was left for that case."""
        link, will = self.link, self.link.will
        self._stop()
        link.will = None
        if will is None:
            return []
        try:
            items = link.reader.read(will.topic, will.payload, self.session.now)
        except STUMBLES as error:
            return [stumble(self.name, error)]
        return list(announced(link, items))

    def _connect(self, frame: Packet) -> Message:
        """CONNECT, which comes first; how long the client may be silent is in it."""
        if frame.kind != Kind.CONNECT or frame.flags:
            raise MqttError(Code.PROTOCOL, "something else before CONNECT", frame.body)
        found = connect.read(frame.body, self.users)
        self.link.welcome(found)
        self.session.silence_s = SILENCE * found.keepalive_s or None
        return Aside(found.answer)

    def _end(self, error: DecodeError) -> Refused:
        """The last word to a client whose packet is wrong; before 5.0 there is none."""
        self._stop()
        answer = b""
        if isinstance(error, RefusedError):
            answer = error.answer
        elif self.link.connected and self.link.version == V5:
            code = error.code_told if isinstance(error, MqttError) else Code.MALFORMED
            answer = disconnect(code)
        return Refused(answer, reason=error.kind, last=True)

    def _stop(self) -> None:
        self.over = True
        self.buffer.drop(len(self.buffer))


def ping(link: Link, packet: Packet) -> Outcome:
    """PINGREQ: the device is there; whose word it is cannot be told where there are several."""
    if packet.body:
        raise MqttError(Code.MALFORMED, "PINGREQ with a body", packet.body)
    if link.session.ident is None or link.several:
        return Aside(PINGRESP)
    return Heartbeat(PINGRESP)


def farewell(link: Link, packet: Packet) -> Outcome:
    """DISCONNECT: the will is void, unless a client of 5.0 wishes it to be heard all the same."""
    code = Code.SUCCESS.value
    fields = Fields(packet.body)
    if link.version == V5 and fields:
        code = fields.number(1)
        if fields:
            properties.read(fields, properties.IN_DISCONNECT)
    if fields:
        raise MqttError(Code.MALFORMED, "DISCONNECT with something behind its end", packet.body)
    if code != Code.WITH_WILL:
        link.will = None
    return Logout() if link.session.ident is not None else Aside(last=True)


HANDLERS: Mapping[int, Callable[[Link, Packet], Outcome]] = {
    Kind.PUBACK: command_arrived,
    Kind.PUBREC: unasked,
    Kind.PUBREL: release,
    Kind.PUBCOMP: unasked,
    Kind.SUBSCRIBE: subscribe,
    Kind.UNSUBSCRIBE: unsubscribe,
    Kind.PINGREQ: ping,
    Kind.DISCONNECT: farewell,
}
