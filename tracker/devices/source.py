"""One address and port that datagrams come from: what is remembered of it, and its dialogue.

Each datagram is whole by itself: a frame never goes on in the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from tracker.devices.base import Desk
from tracker.devices.dialogue import Dialogue
from tracker.devices.ports import Port
from tracker.model import Vehicle
from tracker.protocols.base import Decoder, Family, Session

Address = tuple[Any, ...]  # host and port, with flow and scope for IPv6


class House(Desk, Protocol):
    """Who takes what devices say: the gateway."""

    def recall(self, vehicle_id: str) -> None:
        """A vehicle reports here from now on: go on from what is known of it."""
        ...


class Listener(Protocol):
    """Who hears of datagrams and remembers their sources."""

    @property
    def gateway(self) -> House:
        """Who takes what they say."""
        ...

    @property
    def by_vehicle(self) -> dict[str, Source]:
        """Where each vehicle was heard last."""
        ...

    def new_session(self, port: Port) -> Session:
        """What a decoder of datagrams may know at first."""
        ...

    def unbind(self, source: Source, vehicle: Vehicle) -> None:
        """A vehicle is not heard from a source any more."""
        ...

    def forget(self, source: Source, reason: str) -> None:
        """A source is closed."""
        ...


class Source:
    """One address and port from which datagrams of one protocol come: a dialogue's carrier."""

    __slots__ = (
        "_listener", "address", "bad", "closing", "decoder", "dialogue", "family", "heard", "port",
        "sample", "transport",
    )  # fmt: skip

    def __init__(
        self,
        listener: Listener,
        transport: asyncio.DatagramTransport,
        address: Address,
        port: Port,
    ) -> None:
        self._listener = listener
        self.transport = transport
        self.address = address
        self.port = port
        self.heard = 0.0
        self.bad = 0
        self.sample: bytes | None = b""  # the first datagram; None once something was understood
        self.closing = False
        self.dialogue = Dialogue(listener.gateway, self, listener.new_session(port))
        self.family: Family | None = None
        self.decoder: Decoder | None = None

    def speak(self, family: Family) -> None:
        """From now on this protocol, from a clean start; who spoke is kept."""
        self.family = family
        self.decoder = family.decoder(self.dialogue.session)

    def receive(self, data: bytes, now: float) -> int:
        """Read one datagram; how many messages were in it."""
        assert self.family is not None  # noqa: S101 - speak comes first
        assert self.decoder is not None  # noqa: S101
        self.dialogue.session.now = now
        self.decoder.receive_data(data)
        whole = self.dialogue.drain(self.decoder, now)
        if self.decoder.buffered:  # a frame never goes on in the next datagram
            self._listener.gateway.decode_errors[self.decoder.name, "unfinished"] += 1
            self.speak(self.family)
        self.bad = 0 if whole else self.bad + 1
        if whole:
            self.sample = None
        elif self.sample == b"":
            self.sample = data
        return whole

    def write(self, answers: Sequence[bytes]) -> None:
        """A datagram for each answer."""
        if not self.transport.is_closing():
            for answer in answers:
                self.transport.sendto(answer, self.address)
            self._listener.gateway.stats["datagrams_sent"] += len(answers)

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:
        """The device has named itself. It may be heard elsewhere too: that closes nothing."""
        if before is not None:
            self._listener.unbind(self, before)
        self._listener.by_vehicle[vehicle.id] = self
        self._listener.gateway.recall(vehicle.id)

    def close(self, reason: str) -> None:
        """Forget the source; the next datagram from there is a stranger's."""
        self.closing = True
        self._listener.forget(self, reason)
