"""One publication of a broker's, as decoder and carrier of a dialogue with who it speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from typing import Protocol as Contract

from tracker.devices.base import Desk
from tracker.devices.dialogue import Dialogue
from tracker.errors import CommandError
from tracker.model import Command, Vehicle
from tracker.mqtt.outbox import Outbox
from tracker.protocols.base import Login, Message, Positions, Reply, Session

PROTOCOL = "mqtt"  # under which its messages and errors are counted
STORED = b"\x00"  # an answer that waits for the disk; it is never written anywhere


class Desks(Desk, Contract):
    """The gateway, as a source sees it."""

    options: Mapping[str, Any]
    auth_key: bytes
    closed: Counter[str]  # by reason

    def recall(self, vehicle_id: str) -> None:
        """A vehicle reports here from now on."""
        ...


class Delivery:
    """What one publication says of one device: decoder and carrier of its dialogue."""

    __slots__ = (
        "_desk", "_done", "_finished", "_messages", "_outbox", "_session", "_topic", "_unstored",
        "buffered", "closing",
    )  # fmt: skip

    name = PROTOCOL

    def __init__(self, desk: Desks, done: Callable[[], None], outbox: Outbox, topic: str) -> None:
        self._desk = desk
        self._outbox = outbox
        self._topic = topic
        self._session = Session(auth_key=desk.auth_key, options=desk.options)
        self._done = done  # called once, when everything that is to be stored is on disk
        self._messages: list[Message] = []  # the next is the last
        self._unstored = 0
        self._finished = False
        self.closing = False
        self.buffered = 0

    def deliver(self, messages: Sequence[Message], now: float) -> None:
        """Hand them to the desk, at Unix time `now`."""
        for message in reversed(messages):
            stores = isinstance(message, Positions | Reply) and bool(message.fixes)
            self._unstored += stores
            self._messages.append(
                replace(message, answer=STORED, durable=True) if stores else message
            )
        self._session.now = now
        Dialogue(self._desk, self, self._session).drain(self, now)
        self._look()

    def next_message(self) -> Message | None:
        """As a decoder."""
        if not self._messages:
            return None
        message = self._messages.pop()
        if isinstance(message, Login):
            self._session.ident = message.ident
        return message

    def write(self, answers: Sequence[bytes]) -> None:
        """As a carrier: so many messages are on disk."""
        self._unstored -= len(answers)
        self._look()

    def close(self, reason: str) -> None:
        """As a carrier: the device may not report, and what it said is let go."""
        self.closing = True
        self._desk.closed[reason] += 1
        self._messages.clear()
        self._unstored = 0
        self._look()

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:  # noqa: ARG002
        """As a carrier: the device may be heard elsewhere too; that closes nothing."""
        self._desk.recall(vehicle.id)
        ident = self._session.ident or vehicle.device
        self._outbox.heard(vehicle, ident, self._topic, self._session.now)

    def receive_data(self, data: bytes) -> None:
        """As a decoder, which is never fed: the messages were there before it."""
        raise NotImplementedError

    def encode(self, command: Command) -> bytes:
        """As a decoder: nobody listens here, for the way to the device is the broker's."""
        raise CommandError("a device behind a broker is reached by that", value=command.kind)

    def _look(self) -> None:
        if not self._finished and not self._messages and self._unstored <= 0:
            self._finished = True
            self._done()
