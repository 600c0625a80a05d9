"""The TCP port of the devices: connections, their limits, and when their answers leave.

One port for every protocol, and as many dedicated ones as are wanted. What a device says goes
through its decoder to the desk (`ingest`) and to the journal; an answer that promises storage is
written when the journal says so, and answers of one connection leave in the order of the messages.
While the journal is full, devices are not read: TCP holds what they have to say.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from tracker.devices.base import Commands, NoCommands
from tracker.devices.certificates import Certificates
from tracker.devices.connection import DeviceConnection
from tracker.devices.ports import Port
from tracker.devices.strangers import Strangers
from tracker.devices.tls import Turnstile
from tracker.devices.turns import Turns
from tracker.errors import StartError
from tracker.ingest import Ingest
from tracker.journal import Journal
from tracker.model import NOTHING, Live
from tracker.registry import Registry

BACKLOG = 4_096  # connections that the kernel holds for us: a fleet that comes back all at once
LAST_COMMIT_S = 5.0  # that the disk has at a shutdown; a device without its answer sends again
SWEEP_S = 1.0  # between two looks at who has been silent
SWEEP_SLICE = 2_000  # connections looked at before others get a chance, under a millisecond

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one node bears; the defaults admit a fleet behind one carrier's address."""

    connections: int = 15_000
    connections_per_address: int = 12_000
    frame_timeout_s: float = 30.0  # of an unfinished frame
    heartbeat_s: float = 0.0  # 0: each protocol's own
    login_timeout_s: float = 30.0  # until its protocol is known, TLS included
    tls_handshakes: int = 1_000  # unfinished at once; each holds some tens of KB


class Gateway:
    """Listeners and connections of one node."""

    def __init__(
        self,
        registry: Registry,
        ingest: Ingest,
        journal: Journal,
        limits: Limits | None = None,
        *,
        auth_key: bytes = b"",
        options: Mapping[str, Any] = NOTHING,
        known_live: Callable[[str], Live | None] = lambda _: None,
        certificates: Certificates | None = None,
    ) -> None:
        self.registry = registry
        self.ingest = ingest
        self.journal = journal
        self.limits = limits or Limits()
        self.auth_key = auth_key
        self.options = options
        self.known_live = known_live
        self.commands: Commands = NoCommands()
        self.certificates = certificates
        self.turnstile = Turnstile(self.limits.tls_handshakes)
        self.turns = Turns()
        self.strangers = Strangers()
        self.connections: dict[DeviceConnection, None] = {}
        self.by_vehicle: dict[str, DeviceConnection] = {}
        self.by_address: Counter[str] = Counter()
        self.stats: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()  # by protocol
        self.decode_errors: Counter[tuple[str, str]] = Counter()  # by protocol and kind
        self.closed: Counter[str] = Counter()  # by reason
        self._servers: list[tuple[Port, asyncio.Server]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._paused: dict[DeviceConnection, None] = {}

    async def start(self, *ports: Port) -> None:
        """Listen on these. Raises StartError when one cannot be had."""
        for port in ports:
            self._servers.append((port, await self._listen(port)))
        self._tasks.append(asyncio.create_task(self._sweep_forever(), name="gateway sweep"))
        if self.certificates is not None:
            watching = self.certificates.watch()
            self._tasks.append(asyncio.create_task(watching, name="certificate watch"))

    async def _listen(self, port: Port) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(
                lambda: DeviceConnection(self, port), port.host, port.number, backlog=BACKLOG
            )
        except OSError as exc:
            raise StartError(
                f"cannot listen for devices on {port.address}: {exc.strerror or exc}"
            ) from None

    def options_at(self, port: Port) -> Mapping[str, Any]:
        """What the decoders of a port are told: the node's options, and before them the port's."""
        return {**self.options, **port.options} if port.options else self.options

    @property
    def port(self) -> int:
        """The first port that is listened on; of use where 0 was asked for."""
        number: int = self.addresses[0][1]
        return number

    @property
    def addresses(self) -> list[tuple[Any, ...]]:
        """The addresses of the first port."""
        first = self._servers[0][0]
        return [address for port, address in self.listening if port is first]

    @property
    def listening(self) -> list[tuple[Port, tuple[Any, ...]]]:
        """Every address that is listened on, with its port; a name may have several."""
        return [(port, s.getsockname()) for port, server in self._servers for s in server.sockets]

    async def close(self) -> None:
        """Stop listening and reading, give the answers whose positions reach the disk, close."""
        for task in self._tasks:
            task.cancel()
        for _, server in self._servers:
            server.close()
        for connection in self.connections:
            connection.hold("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT_S):
                while self.journal.pending:  # noqa: ASYNC110 - once, at the very end
                    await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.close("shutdown")
        await asyncio.sleep(0)  # the transports' last callbacks

    # -- connections -------------------------------------------------------------------------------

    def admit(self, connection: DeviceConnection, address: str) -> str | None:
        """Count a new connection in; the reason why not, else."""
        self.stats["opened"] += 1
        if len(self.connections) >= self.limits.connections:
            return "too_many"
        if self.by_address[address] >= self.limits.connections_per_address:
            return "too_many_from_address"
        self.by_address[address] += 1
        self.connections[connection] = None
        return None

    def release(self, connection: DeviceConnection, address: str, reason: str) -> None:
        """A connection has gone."""
        self.closed[reason] += 1
        if connection not in self.connections:
            return
        del self.connections[connection]
        self._paused.pop(connection, None)
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]
        vehicle = connection.vehicle
        if vehicle is not None and self.by_vehicle.get(vehicle.id) is connection:
            del self.by_vehicle[vehicle.id]

    def bind(
        self,
        connection: DeviceConnection,
        vehicle_id: str,
        before: str | None = None,
        *,
        alone: bool = True,
    ) -> None:
        """A device has named itself on this connection. Where it has but one (`alone`), an older
        one of it is closed. `before` is the vehicle that spoke on the connection until now.
        """
        if before is not None and self.by_vehicle.get(before) is connection:
            del self.by_vehicle[before]
        older = self.by_vehicle.get(vehicle_id)
        self.by_vehicle[vehicle_id] = connection
        if alone and older is not None and older is not connection:
            older.close("replaced")
        self.recall(vehicle_id)

    def recall(self, vehicle_id: str) -> None:
        """A vehicle reports here from now on: go on from what is known of it."""
        live = self.known_live(vehicle_id)
        if live is not None:  # from the store or from the node that it reported to before
            self.ingest.fleet.restore(live)

    def dismiss(self, vehicle_id: str) -> None:
        """The device may not report any more."""
        connection = self.by_vehicle.get(vehicle_id)
        if connection is not None:
            connection.close("dismissed")

    # -- back-pressure -----------------------------------------------------------------------------

    def pause(self, connection: DeviceConnection) -> None:
        """Do not read this device until the journal has caught up."""
        first = not self._paused
        self._paused[connection] = None
        connection.hold("journal")
        if first:
            _log.warning("gateway.paused", pending=self.journal.pending)
            self.stats["pauses"] += 1
            self.journal.on_drained(self._resume)  # at once, should it have caught up meanwhile

    def _resume(self) -> None:
        if self._paused:
            _log.info("gateway.resumed", connections=len(self._paused))
        paused, self._paused = self._paused, {}
        for connection in paused:
            connection.unhold("journal")

    @property
    def paused_count(self) -> int:
        """Connections that are not read now because the journal is full."""
        return len(self._paused)

    # -- silence -----------------------------------------------------------------------------------

    async def _sweep_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            for number, connection in enumerate(list(self.connections), start=1):
                connection.check_age(loop.time())
                if number % SWEEP_SLICE == 0:
                    await asyncio.sleep(0)
