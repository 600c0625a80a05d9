"""What `replay` and `fleet` do: drive devices through a plan until it ends or is stopped."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.display import Display
from simulator.driven import Driven
from simulator.driver import Assigned, Devices
from simulator.errors import SimulatorError, TargetError
from simulator.faults import NO_FAULTS, FaultRates
from simulator.geodesy import Plane
from simulator.interrupt import until_done_or_told
from simulator.motion.streets import build_town
from simulator.motion.vehicle import Vehicle
from simulator.reports import Report

LOGIN_S = 2.0  # for all devices to be accepted, and
LOGIN_PER_DEVICE_S = 0.005  # so much more for each
HEAD_START_S = 0.1  # between the last login and the first report
SETTLE_S = 15.0  # for the last answers: longer than a device waits before it sends again
SETTLE_WITH_FAULTS_S = 60.0  # the longest silence and some answers after it

Plan = Callable[[float], Iterator[Report]]  # start (Unix seconds) -> reports


@dataclass(frozen=True, slots=True)
class Line:
    """Where devices report to and how well the line works."""

    target: tuple[str, int]
    seed: int = 0
    faults: FaultRates = NO_FAULTS
    heartbeat_s: float | None = None
    give_up_after_s: float | None = None  # None: try for ever
    tls: ssl.SSLContext | None = None  # None: in the clear

    @property
    def address(self) -> str:
        """host:port, for messages."""
        return f"{self.target[0]}:{self.target[1]}"

    @property
    def settle_s(self) -> float:
        """How long the last answers may take."""
        return SETTLE_WITH_FAULTS_S if self.faults.of_devices else SETTLE_S


def town_vehicles(count: int, seed: int, around: tuple[float, float], first: int) -> list[Vehicle]:
    """The vehicles of a generated fleet; number and seed say all about each."""
    town, plane = build_town(seed), Plane(*around)
    vehicles = [Vehicle(town, plane, seed, first + index) for index in range(count)]
    for vehicle in vehicles:
        vehicle.parked(0.0)  # plans their first drives now, not in the run's first second
    return vehicles


async def play(vehicles: Sequence[Assigned], plan: Plan, line: Line, name: str) -> Driven:
    """Drive until the plan ends or a signal comes. Raises TargetError, or SimulatorError where
    positions stay unacknowledged."""
    clock = Clock()
    with Display(clock) as display:
        devices = Devices(
            vehicles,
            line.target,
            clock=clock,
            trouble=display.trouble(line.address),
            seed=line.seed,
            faults=line.faults,
            heartbeat_s=line.heartbeat_s,
            tls=line.tls,
        )
        devices.start()
        try:
            told = await until_done_or_told(
                _drive(devices, plan, name, display),
                devices.poll(),
                _give_up(devices, line),
                display.follow(lambda: progress(devices)),
            )
            display.phase("waiting for answers")
            patience_s = 1.0 if told else line.settle_s
            kept = await _settle(devices, patience_s)
        finally:
            await devices.stop()
    if kept and not told:
        raise SimulatorError(f"{line.address}: {kept} positions were never acknowledged")
    return devices.driven


async def _drive(devices: Devices, plan: Plan, name: str, display: Display) -> None:
    """Where the server is away, driving begins all the same: a tracker keeps what it sees."""
    display.phase("devices log in")
    await devices.all_accepted(LOGIN_S + LOGIN_PER_DEVICE_S * len(devices.links))
    display.phase(name)
    await devices.drive(plan(devices.start_time(HEAD_START_S)))


async def _settle(devices: Devices, timeout_s: float) -> int:
    """Wait for the last answers, with the devices' timeouts still at work."""
    polling = asyncio.create_task(devices.poll())
    try:
        return await devices.settle(timeout_s)
    finally:
        polling.cancel()


async def _give_up(devices: Devices, line: Line) -> None:
    """Raises TargetError when no device could connect in time; otherwise waits for ever."""
    if line.give_up_after_s is not None:
        await asyncio.sleep(line.give_up_after_s)
        if not devices.driven.connects:
            raise TargetError(f"{line.address}: no connection within {line.give_up_after_s:g} s")
    await asyncio.Event().wait()


def progress(devices: Devices) -> str:
    """How far the devices are, in one line."""
    driven = devices.driven
    parts = [
        f"{devices.accepted}/{len(devices.links)} devices",
        f"{driven.positions + driven.stored:,} sent",
        f"{driven.acknowledged_positions:,} acknowledged",
    ]
    if driven.unconfirmed_positions:
        parts.append(f"{driven.unconfirmed_positions:,} written, none confirmed")
    if driven.disconnects:
        parts.append(f"{driven.disconnects:,} disconnects")
    if driven.answers["refused"]:
        parts.append(f"{driven.answers['refused']:,} refusals")
    return " · ".join(parts)
