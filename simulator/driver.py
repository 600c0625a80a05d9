"""Drives devices through a plan of reports in real time, over as many sockets as there are."""

from __future__ import annotations

import asyncio
import math
import resource
import ssl
from collections.abc import Callable, Iterable, Sequence

from simulator.backoff import Backoff
from simulator.clock import Clock
from simulator.device import MEMORY_FIXES, Device
from simulator.driven import Driven, Witness
from simulator.errors import UsageError
from simulator.faults import NO_FAULTS, FaultRates, FaultyLine, PositionFaults
from simulator.link import CONNECTS_AT_ONCE, Link, Target
from simulator.protocols.base import Family
from simulator.reports import Report
from simulator.seeds import stream

Assigned = tuple[int, str, Family]  # a vehicle: number, identity, protocol

SLICE_S = 0.005  # the shortest sleep: what falls due within it goes out together
YIELD_EVERY = 50  # reports sent in a row before the answers are read
POLLS_PER_S = 10  # each device is polled once a second, a tenth of them at a time
SPARE_FILES = 50  # open files besides our sockets
ADDRESS_PORTS = 28_000  # Linux's default range of local ports towards one address


def parse_target(text: str) -> tuple[str, int]:
    """HOST:PORT, or [IPV6]:PORT. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def allow_files(sockets: int) -> None:
    """Raise our own limit of open files as far as is needed and allowed. Raises UsageError."""
    needed = sockets + SPARE_FILES
    if sockets > ADDRESS_PORTS:
        raise UsageError(f"{sockets} connections need more local ports than the {ADDRESS_PORTS}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(f"{sockets} connections need {needed} open files, {hard} are allowed")
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def assign(count: int, chosen: Sequence[Family], first: int) -> list[Assigned]:
    """Who each vehicle is: protocols in turn, numbers from `first` on. Raises UsageError."""
    numbered = ((first + index, chosen[index % len(chosen)]) for index in range(count))
    return [(number, family.ident(number), family) for number, family in numbered]


def named(assigned: Sequence[Assigned], idents: Sequence[str]) -> list[Assigned]:
    """The same with identities of the caller's choice for the first ones. Raises UsageError."""
    if len(idents) > len(assigned):
        raise UsageError(f"--ident: {len(idents)} identities, {len(assigned)} vehicles")
    changed = list(assigned)
    for index, ident in enumerate(idents):
        number, usual, family = assigned[index]
        if not ident.isascii() or not ident.isdigit() or len(ident) > len(usual):
            raise UsageError(f"--ident: {ident!r} is not {len(usual)} digits, as {family.name} has")
        changed[index] = (number, ident.rjust(len(usual), "0"), family)
    return changed


class Devices:
    """A set of simulated trackers that report to one server."""

    def __init__(
        self,
        vehicles: Sequence[Assigned],
        target: tuple[str, int],
        *,
        clock: Clock,
        trouble: Callable[[str], None],
        seed: int = 0,
        faults: FaultRates = NO_FAULTS,
        witness: Witness | None = None,
        heartbeat_s: float | None = None,
        memory_fixes: int = MEMORY_FIXES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.driven = Driven(witness)
        self._clock = clock
        gate = asyncio.Semaphore(CONNECTS_AT_ONCE)
        shared = Target(*target, clock, self.driven, gate, trouble, tls)
        self.links: list[Link] = []
        for number, ident, family in vehicles:
            device = Device(
                number,
                ident,
                family,
                self.driven,
                heartbeat_s=heartbeat_s,
                memory_fixes=memory_fixes,
            )
            line = position_faults = None
            if faults.of_bytes:
                line = FaultyLine(faults, stream(seed, "line", number))
            if faults.late or faults.silent:
                position_faults = PositionFaults(faults, stream(seed, "faults", number))
            backoff = Backoff(stream(seed, "backoff", number))
            self.links.append(Link(device, shared, backoff, line, position_faults))

    @property
    def accepted(self) -> int:
        """How many devices are logged in now."""
        return sum(link.device.accepted for link in self.links)

    @property
    def kept(self) -> int:
        """How many positions the server has not acknowledged."""
        return sum(link.kept for link in self.links)

    def start(self) -> None:
        """Begin to connect all of them."""
        for link in self.links:
            link.start()

    async def all_accepted(self, timeout_s: float) -> int:
        """Wait for the logins; returns how many devices are not accepted when patience ends."""
        deadline = self._clock.now() + timeout_s
        missing = len(self.links) - self.accepted
        while missing and self._clock.now() < deadline:
            await asyncio.sleep(0.05)
            missing = len(self.links) - self.accepted
        return missing

    async def poll(self) -> None:
        """Heartbeats and timeouts of all devices, for ever; a part of them at a time."""
        while True:
            for part in range(POLLS_PER_S):
                await asyncio.sleep(1.0 / POLLS_PER_S)
                for link in self.links[part::POLLS_PER_S]:
                    link.poll()

    async def drive(self, reports: Iterable[Report]) -> None:
        """Hand each report to its device when it is due."""
        unbroken = 0
        for report in reports:
            now = self._clock.now()
            if report.due > now:
                await asyncio.sleep(max(SLICE_S, report.due - now))
                unbroken = 0
                now = self._clock.now()
            elif unbroken >= YIELD_EVERY:
                await asyncio.sleep(0)
                unbroken = 0
            unbroken += 1
            self.driven.lateness_ms.add(now - report.due)
            self.links[report.index].report(report.fix)

    def start_time(self, head_start_s: float) -> float:
        """The next whole second that leaves so much time: fixes of receivers fall on them."""
        return float(math.ceil(self._clock.now() + head_start_s))

    async def settle(self, timeout_s: float) -> int:
        """Wait until all is acknowledged; returns how many positions are not after the timeout."""
        deadline = self._clock.now() + timeout_s
        for link in self.links:
            if link.device.kept:
                link.beat()  # some servers answer positions by the next heartbeat only
        kept = self.kept
        while kept and self._clock.now() < deadline:
            await asyncio.sleep(0.1)
            kept = self.kept
        return kept

    async def stop(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(link.stop() for link in self.links))
