"""What one device frame costs: decoded, checked, aggregated, journalled, answered.

The server's own connection objects are fed frames and write to a transport that counts; the journal
is real, on disk, and its thread's CPU counts. Devices send frame after frame as fast as the
journal's back-pressure lets them. Every protocol of the registry has a row: with the simulator's
frames of a hundred devices where it speaks the protocol, else with a frame of its transcripts.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bench.fleet import Fleet as Drive
from bench.table import Row
from simulator.model import Fix as SimulatedFix
from simulator.protocols import FAMILIES as SIMULATED
from tests.unit.protocols.transcripts import cases_of
from tracker.devices.connection import DeviceConnection
from tracker.devices.gateway import Gateway
from tracker.fleet import Fleet
from tracker.ingest import Ingest
from tracker.journal import Journal
from tracker.model import Fix, Position, Vehicle
from tracker.protocols.base import Family
from tracker.protocols.registry import FAMILIES
from tracker.registry import Registry
from tracker.storage import create_store
from tracker.ticks import Ticks

DEVICES = 100
FRAMES = 200  # of each device
BOUND_US = 60.0
COMMON = ("frame55", "gt06", "jt808", "jt808-2019")  # what most trackers speak has a tighter one
COMMON_BOUND_US = 30.0

# Of protocols without a simulator: the name of the transcript whose first frame with one position
# is sent, where the first in the file is not the everyday one. One line each.
STEPS: dict[str, str] = {}


# Positions that each device makes besides: of its first pair of sentences, each is one.
LEARNING = {"nmea": 1}


class _Socket:
    def setsockopt(self, *_: object) -> None:
        """There is no kernel here to be told."""


class _Transport:
    """Takes answers and counts them."""

    def __init__(self) -> None:
        self.answers = 0
        self.closing = False

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else _Socket()

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """Nothing is buffered."""

    def write(self, data: bytes) -> None:
        self.answers += len(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        """The driver below looks at the journal itself."""

    def resume_reading(self) -> None:
        """See pause_reading."""


class _Restamping(Ingest):
    """Gives each fix a second of its own: a frame that comes again would be stored only once. This
    is work that the server does not do.
    """

    def accept(self, vehicle: Vehicle, fixes: Iterable[Fix], now: float) -> list[Position]:
        stamped = [replace(fix, fix_time=now - self.accepted % 80_000) for fix in fixes]
        return super().accept(vehicle, stamped, now)


def _simulated(protocol: str) -> list[list[bytes]]:
    """By device: the hello first, then one frame per position."""
    family = SIMULATED[protocol]
    drive = Drive(DEVICES)
    terminals = [family.terminal(family.ident(n), {}) for n in range(1, DEVICES + 1)]
    streams = [[terminal.hello()] for terminal in terminals]
    start = int(time.time()) - FRAMES
    for second in range(FRAMES):
        for number, fix in enumerate(drive.fixes(start + second)):
            simulated = SimulatedFix(
                fix_time=float(start + second),
                lat=fix.lat,
                lon=fix.lon,
                altitude_m=300.0,
                speed_kmh=fix.speed_kmh or 0.0,
                course_deg=fix.course_deg or 0.0,
                ignition=True,
            )
            streams[number].append(terminals[number].position(simulated).data)
    return streams


def _recorded(family: Family) -> list[list[bytes]]:
    """One device: what it says before its first position, then that position again and again."""
    wanted = STEPS.get(family.name)
    for case in cases_of(family):
        said = b""
        for step in case["steps"]:
            if "send" not in step or case.get("session"):
                break
            frame = bytes.fromhex(step["send"])
            fixes = [len(item["fixes"]) for item in step["expect"] if item.get("fixes")]
            if fixes == [1] and wanted in (None, case["name"]):
                return [[said, *[frame] * (DEVICES * FRAMES)]]
            said += frame
    raise AssertionError(f"{family.name}: no transcript has a frame with one position")


async def _run(streams: list[list[bytes]], ingest: Ingest, folder: Path) -> tuple[float, int]:
    """(CPU microseconds per frame, positions made durable)."""
    store = create_store(f"sqlite:///{folder / 'bench.sqlite'}", folder)
    await store.migrate()
    journal = Journal(store.journal_path)
    await journal.start()
    gateway = Gateway(Registry(), ingest, journal)
    connections = []
    for stream in streams:
        connection = DeviceConnection(gateway)
        connection.connection_made(_Transport())  # type: ignore[arg-type]
        connection.data_received(stream[0])
        connections.append(connection)
    begun = time.process_time()
    for number in range(1, len(streams[0])):
        for connection, stream in zip(connections, streams, strict=True):
            connection.data_received(stream[number])
        if number % (1000 // len(streams)) == 0:
            ingest.ticks.flush(time.time())
            await asyncio.sleep(0)
        while journal.full:
            await asyncio.sleep(0.001)
    while journal.pending:
        await asyncio.sleep(0.001)
    spent = time.process_time() - begun
    durable = journal.committed_positions
    await journal.close()
    return spent / (DEVICES * FRAMES) * 1e6, durable


def _row(name: str, streams: list[list[bytes]], desk: type[Ingest]) -> Row:
    """The least of three runs."""
    results = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            ingest = desk(Fleet(), Ticks())
            cost, durable = uvloop.run(_run(streams, ingest, Path(folder)))
            expected = DEVICES * (FRAMES + LEARNING.get(name, 0))
            if durable != expected:
                raise AssertionError(f"{name}: {durable} of {expected} are stored")
            results.append(cost)
    bound = COMMON_BOUND_US if name in COMMON else BOUND_US
    return Row(
        f"device frame to answer, {name}", min(results), "us CPU", bound,
        detail={"runs_us": results},
    )  # fmt: skip


def rows() -> list[Row]:
    """CPU per frame, by protocol."""
    found = [_row(name, _simulated(name), Ingest) for name in SIMULATED]
    found += [
        _row(family.name, _recorded(family), _Restamping)
        for family in FAMILIES
        if family.name not in SIMULATED
    ]
    return found


if __name__ == "__main__":
    for row in rows():
        print(row)
