"""The socket of one simulated tracker: connects, writes, and connects again with backoff."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from simulator.backoff import Backoff
from simulator.clock import Clock
from simulator.device import Device
from simulator.driven import Driven
from simulator.faults import FaultyLine, PositionFaults
from simulator.model import Fix

CONNECT_TIMEOUT_S = 10.0
CONNECTS_AT_ONCE = 100  # below the usual accept backlog of 128


@dataclass(frozen=True, slots=True)
class Target:
    """Where devices report to, and what they share on the way there."""

    host: str
    port: int
    clock: Clock
    driven: Driven
    gate: asyncio.Semaphore  # how many connects may be under way at once
    trouble: Callable[[str], None]  # told of each failed connect, in words
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        """host:port, for messages."""
        return f"{self.host}:{self.port}"


class Link(asyncio.Protocol):
    """One device on one socket at a time."""

    __slots__ = (
        "_backoff",
        "_connect_task",
        "_connected_time",
        "_flush_planned",
        "_held_back",
        "_line",
        "_position_faults",
        "_stopped",
        "_target",
        "_timers",
        "_transport",
        "device",
    )

    def __init__(
        self,
        device: Device,
        target: Target,
        backoff: Backoff,
        line: FaultyLine | None = None,
        position_faults: PositionFaults | None = None,
    ) -> None:
        self.device = device
        self._target = target
        self._backoff = backoff
        self._line = line
        self._position_faults = position_faults
        self._transport: asyncio.Transport | None = None
        self._connect_task: asyncio.Task[None] | None = None
        self._connected_time = 0.0
        self._timers: set[asyncio.TimerHandle] = set()
        self._flush_planned = False
        self._stopped = False
        self._held_back = 0

    @property
    def kept(self) -> int:
        """Positions that the server has not acknowledged, those held back by a fault included."""
        return self.device.kept + self._held_back

    def start(self) -> None:
        """Connect, and keep connected until `stop`."""
        self._connect_task = asyncio.get_running_loop().create_task(self._connect())

    async def stop(self) -> None:
        """Close the connection and try no more."""
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
        if self._connect_task is not None:
            self._connect_task.cancel()
            await asyncio.gather(self._connect_task, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()

    def report(self, fix: Fix) -> None:
        """The vehicle has a new fix."""
        now = self._target.clock.now()
        if self._position_faults is None:
            self._write(self.device.take(fix, now))
            return
        silent_s, late_s = self._position_faults.silent_s(), self._position_faults.late_s()
        if silent_s:
            self._target.driven.faults["silent"] += 1
            self.device.silence(now + silent_s)
        if late_s:
            self._target.driven.faults["late"] += 1
            self._held_back += 1
            self._later(late_s, lambda: self._report_late(fix))
        else:
            self._write(self.device.take(fix, now))

    def poll(self) -> None:
        """To be called about once a second."""
        self._write(self.device.poll(self._target.clock.now()))
        self._close_if_wanted()

    def beat(self) -> None:
        """Send a heartbeat now, to learn what has arrived."""
        self._write(self.device.beat(self._target.clock.now()))

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there: log in."""
        self._transport = cast("asyncio.Transport", transport)  # TCP gives no other kind
        self._connected_time = self._target.clock.now()
        self._target.driven.connects += 1
        self._write(self.device.connected(self._connected_time))

    def data_received(self, data: bytes) -> None:
        """The server answers."""
        self._write(self.device.received(data, self._target.clock.now()))
        self._close_if_wanted()

    def pause_writing(self) -> None:
        """The server does not read: keep what comes."""
        self.device.paused(paused=True, now=self._target.clock.now())

    def resume_writing(self) -> None:
        """The server reads again."""
        self._write(self.device.paused(paused=False, now=self._target.clock.now()))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: come back after a while."""
        del exc
        self._transport = None
        self.device.disconnected()
        if self._line is not None:
            self._line.clear()
        if self._stopped:
            return
        self._target.driven.disconnects += 1
        self._backoff.ended(self._target.clock.now() - self._connected_time)
        self._later(self._backoff.next_delay_s(), self.start)

    # -- inside

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with self._target.gate, asyncio.timeout(CONNECT_TIMEOUT_S):
                    await loop.create_connection(
                        lambda: self, self._target.host, self._target.port, ssl=self._target.tls
                    )
            except OSError as error:  # TimeoutError is one
                self._target.driven.failed_connects += 1
                self._target.trouble(connect_trouble(error))
                await asyncio.sleep(self._backoff.next_delay_s())
            else:
                return

    def _report_late(self, fix: Fix) -> None:
        self._held_back -= 1
        self._write(self.device.take(fix, self._target.clock.now(), prompt=False))

    def _write(self, frames: list[bytes]) -> None:
        if not frames or self._transport is None or self._transport.is_closing():
            return
        if self._line is None:
            self._put(b"".join(frames))
            return
        now = self._target.clock.now()
        for frame in frames:
            fault = self._line.send(frame, now)
            if fault:
                self._target.driven.faults[fault] += 1
        self._flush()

    def _flush(self) -> None:
        """Write what the faulty line gives out now, and come back for the rest."""
        if self._line is None or self._transport is None:
            return
        now = self._target.clock.now()
        for data in self._line.due(now):
            self._put(data)
        due = self._line.next_due()
        if due is not None and not self._flush_planned:
            self._flush_planned = True
            self._later(max(0.0, due - now), self._planned_flush)

    def _planned_flush(self) -> None:
        self._flush_planned = False
        self._flush()

    def _put(self, data: bytes) -> None:
        if self._transport is not None:
            self._target.driven.bytes_sent += len(data)
            self._transport.write(data)

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(handle)

    def _close_if_wanted(self) -> None:
        if self.device.closing and self._transport is not None:
            self._transport.close()


def connect_trouble(error: Exception) -> str:
    """Why a connect failed, in a word or two."""
    error = getattr(error, "os_error", error)  # aiohttp wraps what the system said
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
