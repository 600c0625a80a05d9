"""One address and port that datagrams come from: what is remembered of it, and its dialogue.

Each datagram is whole by itself: a frame never goes on in the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from tracker.devices.base import Desk
from tracker.devices.dialogue import Dialogue
from tracker.devices.ports import Port
from tracker.devices.turns import Turns
from tracker.model import Vehicle
from tracker.protocols.base import Decoder, Family, Session

Address = tuple[Any, ...]  # host and port, with flow and scope for IPv6

# Of one datagram without a pause: several are read in one go, whoever they are from. A datagram of
# a radio network seldom has more; the rest of one that has waits for its turn.
DATAGRAM_STEPS = 64


class House(Desk, Protocol):
    """Who takes what devices say: the gateway."""

    turns: Turns

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

    def nothing_whole(self, source: Source, data: bytes, now: float) -> None:
        """A datagram with nothing in it."""
        ...


class Source:
    """One address and port from which datagrams of one protocol come: a dialogue's carrier."""

    __slots__ = (
        "_datagram", "_listener", "_whole", "address", "bad", "behind", "closing", "decoder",
        "dialogue", "family", "heard", "port", "sample", "transport",
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
        self.behind: deque[bytes] = deque()  # datagrams that wait until one has been read
        self._datagram = b""  # the one that is being read
        self._whole = 0  # messages that were in it so far
        self.sample: bytes | None = b""  # the first datagram; None once something was understood
        self.closing = False
        self.dialogue = Dialogue(listener.gateway, self, listener.new_session(port))
        self.family: Family | None = None
        self.decoder: Decoder | None = None

    def speak(self, family: Family) -> None:
        """From now on this protocol, from a clean start; who spoke is kept."""
        self.family = family
        self.decoder = family.decoder(self.dialogue.session)

    def receive(self, data: bytes, now: float) -> None:
        """Read one datagram, or let it wait behind one that takes several turns."""
        if self.dialogue.more or self.behind:
            self.behind.append(data)
            return
        self._read(data, now)
        self._wait()

    def go_on(self) -> None:
        """Its turn: more of the datagram that is being read, or the next."""
        now = time.time()
        if self.closing:
            return
        if self.dialogue.more:
            self._turn(now)
        else:
            self._read(self.behind.popleft(), now)
        self._wait()

    def _wait(self) -> None:
        if (self.dialogue.more or self.behind) and not self.closing:
            self._listener.gateway.stats["turns_held"] += 1
            self._listener.gateway.turns.join(self)

    def _read(self, data: bytes, now: float) -> None:
        assert self.decoder is not None  # noqa: S101 - speak comes first
        self._datagram, self._whole = data, 0
        self.decoder.receive_data(data)
        self._turn(now)

    def _turn(self, now: float) -> None:
        assert self.family is not None  # noqa: S101 - speak comes first
        assert self.decoder is not None  # noqa: S101
        self.dialogue.session.now = now
        self._whole += self.dialogue.drain(self.decoder, now, DATAGRAM_STEPS)
        if self.dialogue.more:
            return
        if self.decoder.buffered:  # a frame never goes on in the next datagram
            self._listener.gateway.decode_errors[self.decoder.name, "unfinished"] += 1
            self.speak(self.family)
        self.bad = 0 if self._whole else self.bad + 1
        if self._whole:
            self.sample = None
            return
        if self.sample == b"":
            self.sample = self._datagram
        self._listener.nothing_whole(self, self._datagram, now)

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
