"""Devices that report by UDP: the same address as TCP's, the same decoders, desk and journal.

Each datagram is whole by itself. Its protocol is told by its bytes and remembered for its source
(address and port) for ten minutes, with whatever the decoder knows of the device. Nothing holds
what is sent to us: a datagram that cannot be taken now is dropped and counted, and a device that
gets no answer sends again. Answers that promise storage wait for the journal, as on TCP.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import structlog

from tracker.dialogue import Dialogue
from tracker.errors import DecodeError, StartError
from tracker.model import DeviceStatus, Vehicle
from tracker.protocols.base import Decoder, Family, Session
from tracker.protocols.detect import detect
from tracker.protocols.registry import FAMILIES

if TYPE_CHECKING:
    from tracker.gateway import Gateway

Address = tuple[Any, ...]  # host and port, with flow and scope for IPv6

# Told by their bytes: what needs a connection to carry it cannot come in a datagram.
SPOKEN = tuple(family for family in FAMILIES if family.carrier is None)
MINUTE_S = 60.0
BAD_MOST = 10  # datagrams in a row with nothing in them: the source speaks something else now
RECEIVE_BUFFER_BYTES = 4 << 20  # of the kernel: what a fleet says while a tick is made

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one node bears of datagrams."""

    size_bytes: int = 8_192  # several times what a radio network carries in one piece
    sources: int = 20_000  # remembered; the one that was silent longest goes first
    forget_s: float = 600.0  # address translators give a port to somebody else after minutes
    # Looked at, of those that are not remembered: each of a large fleet may get a new port with
    # every report, and telling the protocol of a stranger costs more than reading a friend.
    strangers_per_minute: int = 12_000


class Source:
    """One address and port from which datagrams of one protocol come: a dialogue's carrier."""

    __slots__ = (
        "_listener", "address", "bad", "closing", "decoder", "dialogue", "family", "heard",
        "transport",
    )  # fmt: skip

    def __init__(
        self, listener: Datagrams, transport: asyncio.DatagramTransport, address: Address
    ) -> None:
        self._listener = listener
        self.transport = transport
        self.address = address
        self.heard = 0.0
        self.bad = 0
        self.closing = False
        self.dialogue = Dialogue(listener.gateway, self, listener.new_session())
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
        return whole

    def write(self, answers: Sequence[bytes]) -> None:
        """A datagram for each answer."""
        if not self.transport.is_closing():
            for answer in answers:
                self.transport.sendto(answer, self.address)
            self._listener.gateway.stats["datagrams_sent"] += len(answers)

    def bind(self, vehicle: Vehicle, before: Vehicle | None) -> None:  # noqa: ARG002
        """The device has named itself. It may be heard elsewhere too: that closes nothing."""
        self._listener.gateway.recall(vehicle.id)

    def close(self, reason: str) -> None:
        """Forget the source; the next datagram from there is a stranger's."""
        self.closing = True
        self._listener.forget(self, reason)


class Datagrams:
    """The UDP listeners of one node, and the sources that they remember."""

    def __init__(self, gateway: Gateway, limits: Limits | None = None) -> None:
        self.gateway = gateway
        self.limits = limits or Limits()
        self.sources: dict[Address, Source] = {}  # the one that was silent longest comes first
        self.dropped: Counter[str] = Counter()  # by reason
        self.forgotten: Counter[str] = Counter()  # by reason
        self._transports: list[asyncio.DatagramTransport] = []
        self._window = 0.0
        self._strangers = 0
        self._options = {**gateway.options, "udp": True}

    async def start(self, addresses: Sequence[Address]) -> None:
        """Listen on these addresses. Raises StartError when one cannot be had."""
        loop = asyncio.get_running_loop()
        for address in addresses:
            try:
                sock = _bound(address)
            except OSError as exc:
                raise StartError(
                    f"cannot listen for datagrams on {address[0]}:{address[1]}: "
                    f"{exc.strerror or exc}"
                ) from None
            transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(self), sock=sock)
            self._transports.append(transport)

    async def close(self) -> None:
        """Stop listening. Answers still waiting are not given."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()
        self.sources.clear()
        await asyncio.sleep(0)  # the transports' last callbacks

    def new_session(self) -> Session:
        """What a decoder of datagrams may know at first."""
        return Session(auth_key=self.gateway.auth_key, options=self._options)

    def received(
        self, transport: asyncio.DatagramTransport, address: Address, data: bytes, now: float
    ) -> None:
        """One datagram, at Unix time `now`."""
        gateway = self.gateway
        gateway.stats["datagrams"] += 1
        gateway.stats["bytes"] += len(data)
        self.expire(now)
        source = self._known(address)
        reason = self._unwelcome(data, source, now)
        if reason is not None:
            self.dropped[reason] += 1
            return
        if source is None:
            family = self._told(address, data)
            if family is None:
                self.dropped["unknown_protocol"] += 1
                return
            source = Source(self, transport, address)
            source.speak(family)
        self.sources.pop(address, None)
        self.sources[address] = source
        source.heard = now
        source.receive(data, now)
        if source.bad >= BAD_MOST:
            source.close("bad_frames")
        if len(self.sources) > self.limits.sources:
            next(iter(self.sources.values())).close("room")

    def expire(self, now: float) -> None:
        """Forget those who have been silent for too long."""
        while self.sources:
            oldest = next(iter(self.sources.values()))
            if now - oldest.heard <= self.limits.forget_s:
                return
            oldest.close("silent")

    def forget(self, source: Source, reason: str) -> None:
        """A source is closed."""
        if self.sources.get(source.address) is source:
            del self.sources[source.address]
            self.forgotten[reason] += 1

    # -- strangers ---------------------------------------------------------------------------------

    def _known(self, address: Address) -> Source | None:
        """The source at an address, unless its vehicle may not report any more."""
        source = self.sources.get(address)
        if source is None or source.dialogue.vehicle is None:
            return source
        vehicle = self.gateway.registry.vehicles.get(source.dialogue.vehicle.id)
        if vehicle is not None and vehicle.status is DeviceStatus.ACTIVE:
            return source
        source.close("dismissed")
        return None

    def _unwelcome(self, data: bytes, source: Source | None, now: float) -> str | None:
        """Why a datagram is dropped unread; None: it is read."""
        if not data:
            return "empty"
        if len(data) > self.limits.size_bytes:
            return "size"
        if self.gateway.journal.full:
            return "journal_full"
        if source is None and not self._admit(now):
            return "strangers"
        return None

    def _admit(self, now: float) -> bool:
        """Whether one more stranger is looked at in this minute."""
        if not 0.0 <= now - self._window < MINUTE_S:
            self._window = now
            self._strangers = 0
        self._strangers += 1
        return self._strangers <= self.limits.strangers_per_minute

    def _told(self, address: Address, data: bytes) -> Family | None:
        """The protocol of a stranger's datagram. An end of line may be missing at its end."""
        try:
            family = detect(data, SPOKEN) or detect(data + b"\r\n", SPOKEN)
        except DecodeError as exc:
            self.gateway.decode_errors["unknown", exc.kind] += 1
            family = None
        if family is None:
            _log.debug("datagram.unknown_protocol", address=address[0], first=data[:64].hex())
        return family


class _Listener(asyncio.DatagramProtocol):
    """One socket's calls."""

    def __init__(self, datagrams: Datagrams) -> None:
        self._datagrams = datagrams
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._transport is not None:
            self._datagrams.received(self._transport, addr, data, time.time())

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002 - of an answer: nobody is there
        self._datagrams.gateway.stats["datagram_errors"] += 1


def _bound(address: Address) -> socket.socket:
    """A socket on an address of the TCP listener. Raises OSError."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:  # as asyncio does for TCP: IPv4 has a socket of its own
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
