"""Many viewers at once, in this process or in others."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Protocol

import aiohttp
import uvloop

from simulator.clock import Clock
from simulator.errors import TargetError
from simulator.link import CONNECTS_AT_ONCE
from simulator.seeds import stream
from simulator.viewers import Audience, SeenBy, Viewer
from simulator.viewing import ViewerStats

READY_TIMEOUT_S = 30.0
CONNECTS_PER_S = 200  # what a busy server may need for its handshakes, carefully counted


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """Which viewers to open. Goes to other processes as it is."""

    url: str
    count: int
    decode: int = 0  # so many of the first ones decode all that they get
    first: int = 0  # number of the first one
    seed: int = 0
    token: str | None = None
    deflate: bool = True
    bbox: tuple[float, float, float, float] | None = None
    zoom: int = 12
    stalled_share: float = 0.0  # of those that do not decode


class Viewers(Protocol):
    """A crowd, wherever it is."""

    async def start(self) -> None:
        """Open all, and wait until each has had its first tick. Raises TargetError."""
        ...

    async def begin(self) -> None:
        """Start the measurement."""
        ...

    async def measured(self) -> list[ViewerStats]:
        """The counts since `begin`."""
        ...

    async def stop(self) -> None:
        """Close all."""
        ...


def split(plan: CrowdPlan, processes: int) -> tuple[CrowdPlan, list[CrowdPlan]]:
    """What stays here (those that decode, at least) and what goes to so many other processes."""
    if processes <= 0:
        return plan, []
    here = replace(plan, count=min(plan.count, plan.decode))
    rest, plans = plan.count - here.count, []
    first = plan.first + here.count
    for index in range(processes):
        count = rest // processes + (index < rest % processes)
        plans.append(replace(plan, count=count, decode=0, first=first))
        first += count
    return here, [one for one in plans if one.count]


class LocalViewers:
    """Viewers in this process."""

    def __init__(
        self,
        plan: CrowdPlan,
        clock: Clock,
        trouble: Callable[[str], None],
        seen: SeenBy | None = None,
    ) -> None:
        gate = asyncio.Semaphore(CONNECTS_AT_ONCE)
        self._audience = Audience(
            plan.url, clock, gate, trouble, plan.token, plan.deflate, plan.bbox, plan.zoom, seen
        )
        self.viewers = [self._viewer(plan, plan.first + index) for index in range(plan.count)]
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def _viewer(self, plan: CrowdPlan, number: int) -> Viewer:
        rng = stream(plan.seed, "viewer", number)
        decode = number - plan.first < plan.decode
        stalls = not decode and rng.random() < plan.stalled_share
        return Viewer(number, self._audience, rng, decode=decode, stalls=stalls)

    async def open(self) -> None:
        """Begin to open all; they come and stay without being waited for."""
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, headers=self._audience.headers(), auto_decompress=False
        )
        for viewer in self.viewers:
            self._tasks.append(asyncio.create_task(viewer.run(self._session)))
            if len(self._tasks) % 20 == 0:
                await asyncio.sleep(20 / CONNECTS_PER_S)

    async def start(self) -> None:
        """Open all, and wait until each has had its first tick. Raises TargetError."""
        await self.open()
        ready = asyncio.gather(*(viewer.ready.wait() for viewer in self.viewers))
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await ready
        except TimeoutError:
            missing = sum(not viewer.ready.is_set() for viewer in self.viewers)
            failure = self.failure()
            why = (
                str(failure)
                if failure
                else f"{missing} viewers got no tick from {self._audience.url}"
            )
            raise TargetError(why) from None

    @property
    def headers(self) -> dict[str, str]:
        """What each of their requests says of who asks."""
        return self._audience.headers()

    @property
    def tick_s(self) -> float:
        """The server's tick interval, as the first of them was told; 1 s before that."""
        intervals = (viewer.interval_ms for viewer in self.viewers)
        return next((interval / 1000.0 for interval in intervals if interval), 1.0)

    def failure(self) -> TargetError | None:
        """Why a viewer gave up for good, if one did."""
        return next((one.failure for one in self.viewers if one.failure is not None), None)

    async def begin(self) -> None:
        """Start the measurement."""
        for viewer in self.viewers:
            viewer.begin()

    async def measured(self) -> list[ViewerStats]:
        """The counts since `begin`."""
        return [viewer.measured() for viewer in self.viewers]

    async def stop(self) -> None:
        """Close all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


async def start_all(crowds: Sequence[Viewers]) -> None:
    """Start them side by side; only when all have answered, raise what the first raised."""
    results = await asyncio.gather(*(one.start() for one in crowds), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


class RemoteViewers:
    """Viewers in a process of their own; the same four verbs through a pipe."""

    def __init__(self, plan: CrowdPlan) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(plan, theirs), daemon=True)
        self._process.start()
        theirs.close()

    async def start(self) -> None:
        """Open all, and wait until each has had its first tick. Raises TargetError."""
        trouble = await self._ask("start")
        if isinstance(trouble, str):
            raise TargetError(trouble)

    async def begin(self) -> None:
        """Start the measurement."""
        await self._ask("begin")

    async def measured(self) -> list[ViewerStats]:
        """The counts since `begin`."""
        answer = await self._ask("measured")
        return answer if isinstance(answer, list) else []

    async def stop(self) -> None:
        """Close all, and end the process."""
        await self._ask("stop")
        await asyncio.to_thread(self._process.join, 10.0)

    async def _ask(self, verb: str) -> list[ViewerStats] | str | None:
        self._pipe.send(verb)
        try:
            answer: list[ViewerStats] | str | None = await asyncio.to_thread(self._pipe.recv)
        except (EOFError, OSError) as error:
            raise TargetError(f"a process of viewers has died: {error!r}") from error
        return answer


def _ignore(trouble: str) -> None:
    """A failed connect is counted in the closes, or ends the start."""


def _serve(plan: CrowdPlan, pipe: Connection) -> None:
    """The other process: obeys the pipe until it says stop."""
    uvloop.run(_obey(plan, pipe))


async def _obey(plan: CrowdPlan, pipe: Connection) -> None:
    crowd = LocalViewers(plan, Clock(), _ignore)
    while True:
        verb = await asyncio.to_thread(pipe.recv)
        answer: list[ViewerStats] | str | None = None
        if verb == "start":
            try:
                await crowd.start()
            except TargetError as error:
                answer = str(error)
        elif verb == "begin":
            await crowd.begin()
        elif verb == "measured":
            answer = await crowd.measured()
        elif verb == "stop":
            await crowd.stop()
        pipe.send(answer)
        if verb == "stop":
            return
