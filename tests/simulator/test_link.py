"""Devices on real sockets of this machine, against the test double or a server of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest

from simulator.clock import Clock
from simulator.driver import Devices, allow_files, assign, named, parse_target
from simulator.errors import UsageError
from simulator.faults import NO_FAULTS, FaultRates
from simulator.model import Fix
from simulator.protocols import FAMILIES, MIXED
from simulator.protocols.base import Family
from simulator.reports import Report
from tests.servers import free_port
from tests.waiting import PATIENCE_S, until

from .tracker_double import TrackerDouble, running

EVERY = pytest.mark.parametrize("family", MIXED, ids=[family.name for family in MIXED])


class Crew:
    """Some devices, the troubles they told, and numbered fixes to send."""

    def __init__(
        self, families: list[Family], port: int, count_: int, faults: FaultRates = NO_FAULTS
    ) -> None:
        self.clock = Clock()
        self.troubles: list[str] = []
        self.assigned = assign(count_, families, 1)
        self.devices = Devices(
            self.assigned,
            ("127.0.0.1", port),
            clock=self.clock,
            trouble=self.troubles.append,
            seed=7,
            faults=faults,
        )
        self._seconds = count(1_775_390_400)

    def report_all(self) -> None:
        second = float(next(self._seconds))
        for link in self.devices.links:
            link.report(Fix(second, 45.0, 14.0 + second % 1000 / 1e4, 36.0, 90.0))


@asynccontextmanager
async def crew(
    families: list[Family], port: int, count_: int = 1, faults: FaultRates = NO_FAULTS
) -> AsyncIterator[Crew]:
    one = Crew(families, port, count_, faults)
    one.devices.start()
    try:
        yield one
    finally:
        await one.devices.stop()


def stored(double: TrackerDouble) -> int:
    return sum(len(vehicle.fixes) for vehicle in double.vehicles.values())


async def test_devices_of_all_protocols_log_in_and_report() -> None:
    async with (
        running(TrackerDouble()) as double,
        crew(list(MIXED), double.device_port, 12) as one,
    ):
        await until(lambda: one.devices.accepted == 12)
        for _ in range(5):
            one.report_all()
            await until(lambda: one.devices.kept == 0)
        assert set(double.vehicles) == {ident for _, ident, _ in one.assigned}
        assert stored(double) == 60
        assert one.devices.driven.acknowledged_positions == 60
        assert one.troubles == []


@EVERY
async def test_a_lost_connection_comes_back_and_nothing_is_lost(family: Family) -> None:
    async with (
        running(TrackerDouble()) as double,
        crew([family], double.device_port) as one,
    ):
        await until(lambda: one.devices.accepted == 1)
        one.report_all()
        await until(lambda: one.devices.kept == 0)
        double.device_writers[0].transport.abort()
        await until(lambda: one.devices.driven.disconnects == 1)
        one.report_all()
        one.report_all()
        await until(lambda: one.devices.kept == 0)
        assert stored(double) == 3
        assert double.logins == 2
        assert one.devices.driven.stored == 2


async def test_a_refused_connection_is_told_and_tried_again() -> None:
    async with crew([FAMILIES["gt06"]], free_port()) as one:
        await until(lambda: len(one.troubles) >= 2)
        assert set(one.troubles) == {"connection refused"}
        one.report_all()
        assert one.devices.kept == 1
        assert one.devices.driven.failed_connects >= 2


async def test_a_server_that_does_not_read_is_not_fed_without_end() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(bytes.fromhex("55018102 0300d4".replace(" ", "")))
        await asyncio.Event().wait()

    async with served(deaf) as port, crew([FAMILIES["gt06"]], port) as one:
        link = one.devices.links[0]
        await until(lambda: one.devices.driven.connects == 1)
        link.pause_writing()
        one.report_all()
        link.device.accepted = True
        before = one.devices.driven.bytes_sent
        for _ in range(50):
            one.report_all()
        assert one.devices.driven.bytes_sent == before
        assert one.devices.kept == 51


@asynccontextmanager
async def served(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    tasks: list[asyncio.Task[None]] = []

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    "faults",
    [
        FaultRates(cut=0.5),
        FaultRates(duplicated=0.5),
        FaultRates(cut=0.3, joined=0.2, duplicated=0.3),
    ],
    ids=["cut", "duplicated", "mixed"],
)
async def test_faults_of_the_line_lose_nothing(
    faults: FaultRates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.faults.JOINED_WAIT_S", 0.05)
    monkeypatch.setattr("simulator.faults.CUT_DELAY_S", (0.001, 0.01))
    async with (
        running(TrackerDouble()) as double,
        crew(list(MIXED), double.device_port, 8, faults) as one,
    ):
        await until(lambda: one.devices.accepted == 8)
        for _ in range(10):
            one.report_all()
        await until(lambda: one.devices.kept == 0)
        assert stored(double) == 80
        assert one.devices.driven.disconnects == 0
        asked = {name for name in ("cut", "joined", "duplicated") if getattr(faults, name)}
        assert set(one.devices.driven.faults) == asked


async def test_damaged_frames_are_never_stored_as_something_else() -> None:
    faults = FaultRates(damaged=0.3)
    async with (
        running(TrackerDouble()) as double,
        crew([FAMILIES["jt808"]], double.device_port, 30, faults) as one,
    ):
        await until(lambda: one.devices.accepted >= 10)
        for _ in range(20):
            one.report_all()
        driven = one.devices.driven
        await until(lambda: driven.acknowledged_positions >= 100 and driven.faults["damaged"] > 50)
        assert {fix.lat for vehicle in double.vehicles.values() for fix in vehicle.fixes} == {
            45_000_000
        }


async def test_what_is_held_back_counts_as_kept() -> None:
    async with (
        running(TrackerDouble()) as double,
        crew([FAMILIES["jt808"]], double.device_port, 1, FaultRates(late=1.0)) as one,
    ):
        await until(lambda: one.devices.accepted == 1)
        one.report_all()
        assert one.devices.kept == 1
        assert stored(double) == 0


async def test_driving_keeps_to_the_plan() -> None:
    async with (
        running(TrackerDouble()) as double,
        crew([FAMILIES["frame55"]], double.device_port, 3) as one,
    ):
        assert await one.devices.all_accepted(PATIENCE_S) == 0
        start = one.clock.now()
        plan = [
            Report(start + 0.01 * step, step % 3, Fix(1.8e9 + step, 45.0, 14.0))
            for step in range(60)
        ]
        await one.devices.drive(plan)
        assert one.clock.now() >= plan[-1].due
        assert await one.devices.settle(PATIENCE_S) == 0
        assert stored(double) == 60
        lateness = one.devices.driven.lateness_ms
        assert len(lateness) == 60
        assert lateness.percentiles([1])[0] >= 0  # never before its time


def test_addresses_are_checked() -> None:
    assert parse_target("tracker.example:5023") == ("tracker.example", 5023)
    assert parse_target("[::1]:80") == ("::1", 80)
    for wrong in ("", "host", "host:", ":80", "host:port", "host:0", "host:65536"):
        with pytest.raises(UsageError, match="not HOST:PORT"):
            parse_target(wrong)


def test_too_many_sockets_are_refused_before_anything_starts() -> None:
    allow_files(10)
    with pytest.raises(UsageError, match="local ports"):
        allow_files(100_000)


def test_protocols_are_given_out_in_turn() -> None:
    chosen = [FAMILIES["gt06"], FAMILIES["jt808"]]
    assigned = assign(5, chosen, 11)
    assert [(number, family.name) for number, _, family in assigned] == [
        (11, "gt06"),
        (12, "jt808"),
        (13, "gt06"),
        (14, "jt808"),
        (15, "gt06"),
    ]
    assert assigned[0][1] == FAMILIES["gt06"].ident(11)


def test_identities_may_be_chosen() -> None:
    assigned = assign(2, [FAMILIES["jt808"]], 1)
    assert [ident for _, ident, _ in named(assigned, ["12345678901"])] == [
        "012345678901",
        assigned[1][1],
    ]
