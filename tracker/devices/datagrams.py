"""Devices that report by UDP: the same address as TCP's, the same decoders, desk and journal.

Each datagram is whole by itself. Its protocol is told by its bytes and remembered for its source
(address and port, and the port of ours) for ten minutes, with whatever the decoder knows of the
device; on a port of its own only what is on that port's list is looked for. Nothing holds
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
from functools import partial
from typing import Any, cast

import structlog

from tracker.devices.dialogue import MAX_UNSAID
from tracker.devices.gateway import Gateway
from tracker.devices.ports import OPEN_PORT, Port
from tracker.devices.source import Address, Source
from tracker.devices.strangers import Why
from tracker.errors import StartError
from tracker.model import DeviceStatus, Vehicle
from tracker.protocols.base import Session

MINUTE_S = 60.0
BEHIND_MOST = 8  # datagrams of one source that wait behind one that takes several turns
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


class Datagrams:
    """The UDP listeners of one node, and the sources that they remember."""

    def __init__(self, gateway: Gateway, limits: Limits | None = None) -> None:
        self.gateway = gateway
        self.limits = limits or Limits()
        # By port and address; the one that was silent longest comes first.
        self.sources: dict[tuple[Port, Address], Source] = {}
        self.by_vehicle: dict[str, Source] = {}  # where each was heard last
        self.dropped: Counter[str] = Counter()  # by reason
        self.forgotten: Counter[str] = Counter()  # by reason
        self._transports: list[asyncio.DatagramTransport] = []
        self._window = 0.0
        self._strangers = 0
        self._options: dict[Port, dict[str, Any]] = {}

    async def start(self, listening: Sequence[tuple[Port, Address]]) -> None:
        """Listen on these addresses. Raises StartError when one cannot be had."""
        loop = asyncio.get_running_loop()
        for port, address in listening:
            if not port.by_datagrams:
                continue
            try:
                sock = _bound(address)
            except OSError as exc:
                raise StartError(
                    f"cannot listen for datagrams on {address[0]}:{address[1]}: "
                    f"{exc.strerror or exc}"
                ) from None
            made = partial(_Listener, self, port)
            transport, _ = await loop.create_datagram_endpoint(made, sock=sock)
            self._transports.append(transport)

    async def close(self) -> None:
        """Stop listening. Answers still waiting are not given."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()
        self.sources.clear()
        self.by_vehicle.clear()
        await asyncio.sleep(0)  # the transports' last callbacks

    def new_session(self, port: Port) -> Session:
        """What a decoder of datagrams may know at first."""
        options = self._options.get(port)
        if options is None:
            options = self._options[port] = {**self.gateway.options_at(port), "udp": True}
        return Session(auth_key=self.gateway.auth_key, options=options)

    def received(
        self,
        transport: asyncio.DatagramTransport,
        address: Address,
        data: bytes,
        now: float,
        port: Port = OPEN_PORT,
    ) -> None:
        """One datagram, at Unix time `now`."""
        gateway = self.gateway
        gateway.stats["datagrams"] += 1
        gateway.stats["bytes"] += len(data)
        self.expire(now)
        source = self._known(port, address)
        reason = self._unwelcome(data, source, now)
        if reason is not None:
            self.dropped[reason] += 1
            return
        if source is None:
            source = self._stranger(transport, address, data, now, port)
            if source is None:
                return
        self.sources.pop((port, address), None)
        self.sources[port, address] = source
        source.heard = now
        source.receive(data, now)
        if len(self.sources) > self.limits.sources:
            next(iter(self.sources.values())).close("room")

    def nothing_whole(self, source: Source, data: bytes, now: float) -> None:
        """A datagram with nothing in it: of somebody else, or of one too many times."""
        other = None if source.sample is None else source.port.other(data, datagram=True)
        if other is not None:
            self.dropped["not_allowed"] += 1
            self._keep(source.transport, source.address, data, now, Why.NOT_ALLOWED, other.name)
            source.close("not_allowed")
        elif source.bad >= BAD_MOST:
            if source.sample and source.family is not None:
                name = source.family.name
                self._keep(
                    source.transport, source.address, source.sample, now, Why.BAD_FRAMES, name
                )
            source.close("bad_frames")

    def expire(self, now: float) -> None:
        """Forget those who have been silent for too long."""
        while self.sources:
            oldest = next(iter(self.sources.values()))
            if now - oldest.heard <= self.limits.forget_s:
                return
            oldest.close("silent")

    def forget(self, source: Source, reason: str) -> None:
        """A source is closed."""
        key = source.port, source.address
        if self.sources.get(key) is source:
            del self.sources[key]
            self.forgotten[reason] += 1
        if source.dialogue.vehicle is not None:
            self.unbind(source, source.dialogue.vehicle)

    def unbind(self, source: Source, vehicle: Vehicle) -> None:
        """A vehicle is not heard from a source any more."""
        if self.by_vehicle.get(vehicle.id) is source:
            del self.by_vehicle[vehicle.id]

    # -- strangers ---------------------------------------------------------------------------------

    def _known(self, port: Port, address: Address) -> Source | None:
        """The source at an address, unless its vehicle may not report any more."""
        source = self.sources.get((port, address))
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
        if source is not None and source.dialogue.unsaid >= MAX_UNSAID:
            return "unsaid"
        if source is not None and len(source.behind) >= BEHIND_MOST:
            return "busy"
        return None

    def _admit(self, now: float) -> bool:
        """Whether one more stranger is looked at in this minute."""
        if not 0.0 <= now - self._window < MINUTE_S:
            self._window = now
            self._strangers = 0
        self._strangers += 1
        return self._strangers <= self.limits.strangers_per_minute

    def _stranger(
        self,
        transport: asyncio.DatagramTransport,
        address: Address,
        data: bytes,
        now: float,
        port: Port,
    ) -> Source | None:
        """A source of whichever protocol the datagram is; None if it may not or cannot be."""
        verdict = port.judge(data, datagram=True)
        if verdict.family is None:
            self.gateway.decode_errors["unknown", verdict.refused] += 1
            allowed = verdict.refused != "not_allowed"
            self.dropped["unknown_protocol" if allowed else "not_allowed"] += 1
            why = Why.UNKNOWN if allowed else Why.NOT_ALLOWED
            self._keep(transport, address, data, now, why, verdict.protocol)
            return None
        source = Source(self, transport, address, port)
        source.speak(verdict.family)
        return source

    def _keep(
        self,
        transport: asyncio.DatagramTransport,
        address: Address,
        data: bytes,
        now: float,
        why: Why,
        protocol: str,
    ) -> None:
        """The first bytes of somebody who was not understood, for a person to see."""
        sockname = transport.get_extra_info("sockname")
        new = self.gateway.strangers.meet(
            data,
            why,
            transport="udp",
            address=address[0],
            port=sockname[1] if sockname else 0,
            now=now,
            protocol=protocol,
        )
        log = _log.info if new else _log.debug
        log(f"datagram.{why}", address=address[0], protocol=protocol, first=data[:64].hex())


class _Listener(asyncio.DatagramProtocol):
    """One socket's calls."""

    def __init__(self, datagrams: Datagrams, port: Port) -> None:
        self._datagrams = datagrams
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._transport is not None:
            self._datagrams.received(self._transport, addr, data, time.time(), self._port)

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
