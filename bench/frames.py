"""What one device frame costs: decoded, checked, aggregated, journalled, answered.

The server's own connection objects are fed the simulator's frames and write to a transport that
counts; the journal is real, on disk, and its thread's CPU counts. Devices send frame after frame as
fast as the journal's back-pressure lets them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bench.fleet import Fleet as Drive
from bench.table import Row
from simulator.model import Fix as SimulatedFix
from simulator.protocols import FAMILIES
from tracker.connection import DeviceConnection
from tracker.fleet import Fleet
from tracker.gateway import Gateway
from tracker.ingest import Ingest
from tracker.journal import Journal
from tracker.registry import Registry
from tracker.storage import create_store
from tracker.ticks import Ticks

DEVICES = 100
FRAMES = 200  # of each device
BOUND_US = 60.0
COMMON = ("frame55", "gt06", "jt808", "jt808-2019")  # what most trackers speak has a tighter one
COMMON_BOUND_US = 30.0


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


def _frames(protocol: str) -> list[list[bytes]]:
    """By device: the hello first, then one frame per position."""
    family = FAMILIES[protocol]
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


async def _run(protocol: str, folder: Path) -> tuple[float, int]:
    """(CPU microseconds per frame, positions made durable)."""
    store = create_store(f"sqlite:///{folder / 'bench.sqlite'}", folder)
    await store.migrate()
    journal = Journal(store.journal_path)
    await journal.start()
    ingest = Ingest(Fleet(), Ticks())
    gateway = Gateway(Registry(), ingest, journal)
    connections = []
    streams = _frames(protocol)
    for stream in streams:
        connection = DeviceConnection(gateway)
        connection.connection_made(_Transport())  # type: ignore[arg-type]
        connection.data_received(stream[0])
        connections.append(connection)
    begun = time.process_time()
    for number in range(1, FRAMES + 1):
        for connection, stream in zip(connections, streams, strict=True):
            connection.data_received(stream[number])
        if number % 10 == 0:
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


def rows() -> list[Row]:
    """CPU per frame, by protocol."""
    found = []
    for protocol in FAMILIES:
        results = []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                cost, durable = uvloop.run(_run(protocol, Path(folder)))
                if durable != DEVICES * FRAMES:
                    raise AssertionError(f"{protocol}: {durable} of {DEVICES * FRAMES} are stored")
                results.append(cost)
        bound = COMMON_BOUND_US if protocol in COMMON else BOUND_US
        found.append(
            Row(f"device frame to answer, {protocol}", min(results), "us CPU", bound,
                detail={"runs_us": results})
        )  # fmt: skip
    return found


if __name__ == "__main__":
    for row in rows():
        print(row)
