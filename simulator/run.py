"""What `run` does: a fleet and its viewers together, and at the end driven against seen."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import aiohttp

from simulator.clock import Clock
from simulator.crowd import CrowdPlan, LocalViewers, RemoteViewers, Viewers, split, start_all
from simulator.display import Display
from simulator.driver import Assigned, Devices
from simulator.errors import TargetError
from simulator.interrupt import until_done_or_told
from simulator.ledger import LOST_AFTER_TICKS, Ledger
from simulator.motion.vehicle import Vehicle
from simulator.outcome import Conditions, Outcome
from simulator.play import Line, progress
from simulator.reports import Pace, fleet_reports
from simulator.rest import Stored, check_stored
from simulator.viewing import ViewerStats, summarise

LOGIN_S = 30.0  # for all devices to be accepted, and
LOGIN_PER_DEVICE_S = 0.01  # so much more for each
HEAD_START_S = 0.5  # between the last login and the first report
SPARE_TICKS = 1  # what is sent at the end of a tick is seen in the one after it


@dataclass(frozen=True, slots=True)
class RunPlan:
    """All that a run needs to know."""

    vehicles: list[Vehicle]
    assigned: list[Assigned]
    line: Line
    crowd: CrowdPlan
    rate_hz: float
    duration_s: float
    burst: bool = False
    processes: int = 0
    late_after_s: float = 2.0
    tracks: int = 10  # vehicles whose whole stored track is compared


@dataclass(slots=True)
class Parts:
    """The moving parts of a run."""

    devices: Devices
    local: LocalViewers
    crowds: list[Viewers]
    ledger: Ledger
    not_accepted: int = 0
    unacknowledged: int = 0
    stored: Stored | None = None
    stored_trouble: str = ""


async def run(plan: RunPlan) -> Outcome:
    """The whole run. Raises TargetError when it cannot begin."""
    clock = Clock()
    with Display(clock) as display:
        parts = _build(plan, clock, display)
        try:
            seen = await _run(plan, parts, clock, display)
            await _read_stored(plan, parts)
        finally:
            await asyncio.gather(*(crowd.stop() for crowd in parts.crowds), parts.devices.stop())
    return Outcome(
        conditions=_conditions(plan),
        driven=parts.devices.driven,
        unacknowledged=parts.unacknowledged,
        not_accepted=parts.not_accepted,
        seen=summarise(seen),
        fates=parts.ledger.fates,
        lag_ms=parts.ledger.lag_ms.summary(),
        stored=parts.stored,
        stored_trouble=parts.stored_trouble,
    )


def _build(plan: RunPlan, clock: Clock, display: Display) -> Parts:
    decode = min(plan.crowd.decode, plan.crowd.count)
    every = max(1, len(plan.assigned) // max(1, plan.tracks))
    kept = {number for number, _, _ in plan.assigned[::every][: plan.tracks]}
    ledger = Ledger(plan.assigned, decode, late_after_s=plan.late_after_s, keep=kept)
    here, elsewhere = split(plan.crowd, plan.processes)
    trouble = display.trouble(plan.crowd.url)
    local = LocalViewers(here, clock, trouble, ledger.seen)
    devices = Devices(
        plan.assigned,
        plan.line.target,
        clock=clock,
        trouble=display.trouble(plan.line.address),
        seed=plan.line.seed,
        faults=plan.line.faults,
        witness=ledger,
        heartbeat_s=plan.line.heartbeat_s,
        tls=plan.line.tls,
    )
    return Parts(devices, local, [local, *map(RemoteViewers, elsewhere)], ledger)


async def _run(plan: RunPlan, parts: Parts, clock: Clock, display: Display) -> list[ViewerStats]:
    devices = parts.devices
    display.phase("viewers connect")
    await start_all(parts.crowds)
    display.phase("devices log in")
    devices.start()
    polling = asyncio.create_task(devices.poll())
    try:
        patience_s = LOGIN_S + LOGIN_PER_DEVICE_S * len(plan.assigned)
        parts.not_accepted = await devices.all_accepted(patience_s)
        if not devices.accepted:
            raise TargetError(f"{plan.line.address}: no device was accepted")
        start = devices.start_time(HEAD_START_S)
        parts.ledger.begin(start, parts.local.tick_s)
        await asyncio.gather(*(crowd.begin() for crowd in parts.crowds))
        display.phase("running", plan.duration_s)
        pace = Pace(start, plan.rate_hz, plan.duration_s, plan.burst)
        await until_done_or_told(
            devices.drive(fleet_reports(plan.vehicles, pace, plan.line.seed)),
            display.follow(lambda: progress(devices)),
        )
        display.phase("waiting for the last answers and ticks")
        parts.unacknowledged = await devices.settle(plan.line.settle_s)
    finally:
        polling.cancel()
    await asyncio.sleep((LOST_AFTER_TICKS + SPARE_TICKS) * parts.local.tick_s)
    counts = await asyncio.gather(*(crowd.measured() for crowd in parts.crowds))
    parts.ledger.finish(clock.now())
    return [one for some in counts for one in some]


async def _read_stored(plan: RunPlan, parts: Parts) -> None:
    idents = {number: ident for number, ident, _ in plan.assigned}
    try:
        async with aiohttp.ClientSession(headers=parts.local.headers) as session:
            parts.stored = await check_stored(session, plan.crowd.url, parts.ledger, idents)
    except TargetError as error:  # what was seen live is worth its report all the same
        parts.stored_trouble = str(error)


def _conditions(plan: RunPlan) -> Conditions:
    protocols = Counter(family.name for _, _, family in plan.assigned)
    return Conditions(
        vehicles=len(plan.assigned),
        viewers=plan.crowd.count,
        decoding=min(plan.crowd.decode, plan.crowd.count),
        rate_hz=plan.rate_hz,
        duration_s=plan.duration_s,
        seed=plan.line.seed,
        protocols=dict(protocols),
        faults=plan.line.faults,
        late_after_s=plan.late_after_s,
    )
