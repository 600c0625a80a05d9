"""What the durable floor carries: the journal against bare loops of the same rows, and reading.

The limits are as bare as they can be: `executemany` into the same append-only table with the same
syncing, and COPY of the same rows into a plain table of the same columns and key.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import uvloop

from bench.fleet import Fleet
from bench.table import Row, percentile
from tests.devices import Device, ack, heartbeat, position
from tests.nodes import running_node
from tests.servers import run_postgresql
from tracker.journal import GROUP_POSITIONS, Journal
from tracker.model import Fix, Position
from tracker.registry import vehicle_id
from tracker.storage import create_store
from tracker.storage.base import Store
from tracker.storage.localfile import connect
from tracker.storage.migrate import upgrade_sqlite
from tracker.storage.rows import position_row

VEHICLES, SECONDS = 1_000, 60  # 60,000 positions
ROUNDS = 3
DAY_S = 86_400
COLUMNS = (
    "vehicle_key", "fix_time_us", "digest", "lat", "lon", "speed_kmh", "course_deg", "altitude_m",
    "flags", "satellites", "received_time_us", "sequence", "alarms", "attributes",
)  # fmt: skip


def _positions() -> list[Position]:
    fleet, now = Fleet(VEHICLES), time.time() - SECONDS
    return [
        live.position
        for second in range(SECONDS)
        for live in fleet.step(now + second)
        if live.position is not None
    ]


@asynccontextmanager
async def _floor(url: str, folder: Path) -> AsyncIterator[tuple[Store, Journal]]:
    store = create_store(url, folder)
    await store.migrate()
    await store.start()
    journal = Journal(store.journal_path, max_pending=1_000_000)
    await journal.start()
    try:
        yield store, journal
    finally:
        await journal.close()
        await store.close()


async def _journalled(url: str, folder: Path, positions: list[Position], *, move: bool) -> float:
    """Positions a second, frame by frame, until the last is durable (`move`: and in the store)."""
    async with _floor(url, folder) as (store, journal):
        begun = time.perf_counter()
        for number, one in enumerate(positions):
            journal.append((one,))
            if number % 200 == 0:
                await asyncio.sleep(0)
        while journal.pending:
            await asyncio.sleep(0.001)
        if move:
            while await store.backlog():
                await store.drain()
        return len(positions) / (time.perf_counter() - begun)


def _bare_sqlite(folder: Path, positions: list[Position]) -> float:
    path = folder / "bare.sqlite"
    upgrade_sqlite(path)
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    keys: dict[str, int] = {}
    rows = [position_row(p, keys.setdefault(p.vehicle_id, len(keys) + 1)) for p in positions]
    insert = f"INSERT INTO journal ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - constants
    begun = time.perf_counter()
    for start in range(0, len(rows), GROUP_POSITIONS):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, rows[start : start + GROUP_POSITIONS])
        connection.execute("COMMIT")
    rate = len(rows) / (time.perf_counter() - begun)
    connection.close()
    return rate


async def _bare_copy(url: str, positions: list[Position]) -> float:
    connection = await asyncpg.connect(url)
    await connection.execute("DROP TABLE IF EXISTS bare")
    await connection.execute("CREATE TABLE bare (LIKE positions INCLUDING INDEXES)")
    keys: dict[str, int] = {}
    rows = [position_row(p, keys.setdefault(p.vehicle_id, len(keys) + 1)) for p in positions]
    begun = time.perf_counter()
    for start in range(0, len(rows), GROUP_POSITIONS):
        await connection.copy_records_to_table(
            "bare", records=rows[start : start + GROUP_POSITIONS], columns=COLUMNS
        )
    rate = len(rows) / (time.perf_counter() - begun)
    await connection.close()
    return rate


def journal_rows() -> list[Row]:
    """Journalled positions a second, against the bare loops."""
    positions = _positions()
    ours, bare = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            url = f"sqlite:///{folder / 'ours.sqlite'}"
            ours.append(uvloop.run(_journalled(url, folder, positions, move=False)))
            bare.append(_bare_sqlite(folder, positions))
    stored, copied, acknowledged = [], [], []
    with run_postgresql() as server:
        for number in range(ROUNDS):
            with tempfile.TemporaryDirectory() as name:
                shifted = [_later(one, number * 3_600) for one in positions]
                stored.append(uvloop.run(_journalled(server.url(), Path(name), shifted, move=True)))
            with tempfile.TemporaryDirectory() as name:
                shifted = [_later(one, (number + ROUNDS) * 3_600) for one in positions]
                url = server.url()
                acknowledged.append(uvloop.run(_journalled(url, Path(name), shifted, move=False)))
            copied.append(uvloop.run(_bare_copy(server.url(), positions)))
    return [
        _ratio("journalled positions/s, SQLite, against bare executemany", ours, bare),
        _ratio("journalled positions/s, PostgreSQL, against bare COPY", acknowledged, copied),
        _ratio("positions/s to the journal and on to PostgreSQL", stored, copied, bound=None),
    ]


def _later(one: Position, seconds: float) -> Position:
    fix = one.fix
    moved = Fix(fix.fix_time + seconds, fix.lat, fix.lon, fix.speed_kmh, fix.course_deg)
    return Position(one.vehicle_id, moved, one.received_time, one.sequence)


def _ratio(name: str, ours: list[float], bare: list[float], bound: float | None = 0.5) -> Row:
    mine, limit = statistics.median(ours), statistics.median(bare)
    detail = {"positions_per_s": round(mine), "bare_per_s": round(limit)}
    return Row(name, mine / limit, "x", bound, at_least=True, detail=detail)


def latency_rows() -> list[Row]:
    """What the journal adds to an answer: positions, against heartbeats, which do not wait."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_node(Path(folder) / "data") as node,
    ):
        waited, direct = uvloop.run(_latencies(node.device_port))
    return [
        Row(
            f"answer to a position, {name}",
            percentile(waited, share) * 1e3,
            "ms",
            detail={"heartbeat_ms": percentile(direct, share) * 1e3},
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def _latencies(port: int) -> tuple[list[float], list[float]]:
    waited: list[float] = []
    direct: list[float] = []

    async def one(number: int) -> None:
        device = await Device.connect(port, f"1{number:014}")
        for step in range(60):
            begun = time.perf_counter()
            await device.ask(position(time.time(), 46 + step / 1e4, 14.5), ack(1))
            waited.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            await device.ask(heartbeat(), ack(2))
            direct.append(time.perf_counter() - begun)
            await asyncio.sleep(0.05)
        await device.close()

    await asyncio.gather(*(one(number) for number in range(100)))
    return waited, direct


class _Peak:
    """The most memory that a process had while watched, beyond what it had at first."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._stop = threading.Event()
        self._first = self._most = process.memory_info().rss
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def grown_mb(self) -> float:
        return (self._most - self._first) / 1e6


def reading_rows() -> list[Row]:
    """A day of one vehicle at 1 Hz, to the last byte."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        ident, start = "100000000000001", int(time.time()) - DAY_S - 60
        uvloop.run(_fill(data, ident, start))
        with running_node(data) as node:
            assert node.process is not None
            asyncio.run(_log_in(node.device_port, ident))
            process = psutil.Process(node.process.pid)
            base = f"{node.url}/api/v1/vehicles/{vehicle_id(ident)}/positions"
            window = f"from={start}&to={start + DAY_S}"
            return [
                *_read(process, "NDJSON", f"{base}?{window}", DAY_S),
                *_read(process, "GPX", f"{base}.gpx?{window}", DAY_S),
            ]


async def _fill(data: Path, ident: str, start: int) -> None:
    async with _floor(f"sqlite:///{data / 'tracker.sqlite'}", data) as (store, journal):
        for second in range(DAY_S):
            fix = Fix(start + second, 46 + second / 1e6, 14.5, 36.5, 90.0, 300.0, satellites=9)
            journal.append((Position(vehicle_id(ident), fix, start + second, second + 1),))
            if second % 500 == 0:
                await asyncio.sleep(0)
        while journal.pending:
            await asyncio.sleep(0.01)
        await store.drain()


async def _log_in(port: int, ident: str) -> None:
    """So that the vehicle is known."""
    await (await Device.connect(port, ident)).close()


def _read(process: psutil.Process, name: str, url: str, wanted: int) -> Iterator[Row]:
    async def fetch() -> tuple[float, int]:
        headers = {"Accept": "application/x-ndjson"} if name == "NDJSON" else {}
        mark = b"\n" if name == "NDJSON" else b"<trkpt"
        begun, found, kept = time.perf_counter(), 0, b""
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            answer.raise_for_status()
            async for chunk in answer.content.iter_any():
                found += (kept + chunk).count(mark) - kept.count(mark)
                kept = (kept + chunk)[-(len(mark) - 1) :] if len(mark) > 1 else b""
        return time.perf_counter() - begun, found

    asyncio.run(fetch())  # once for what is only done once
    with _Peak(process) as peak:
        seconds, found = asyncio.run(fetch())
    if found != wanted:
        raise AssertionError(f"{name}: {found} of {wanted} positions")
    yield Row(f"a day at 1 Hz as {name}, to the last byte", seconds, "s")
    yield Row(f"a day at 1 Hz as {name}, memory grown at its peak", peak.grown_mb, "MB")


def rows() -> list[Row]:
    """All of it."""
    return [*journal_rows(), *latency_rows(), *reading_rows()]


if __name__ == "__main__":
    print(os.getpid())
    for row in rows():
        print(row)
