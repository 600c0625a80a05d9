"""The commands' part of a node with a real store and a bus, for tests of several of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.unit.builders import vehicle
from tracker.bus.base import open_bus
from tracker.cluster import Cluster
from tracker.commands.desk import CommandDesk
from tracker.commands.sending import Sender
from tracker.commands.taking import Limits, Taker
from tracker.model import Speed, Tick
from tracker.storage import create_store

CAR = vehicle("a", device="356307042441013", protocol="frame55")


class Node:
    """`reach` gives the way to CAR's device, None where it is away."""

    def __init__(
        self, folder: Path, url: str, name: str, reach: Callable[[str], Any] = lambda _: None
    ) -> None:
        self.store = create_store(f"sqlite:///{folder / 'tracker.sqlite'}", folder)
        self.cluster = Cluster(open_bus(url), name, ["main"], vehicle)
        self.desk = CommandDesk(self.store, self.cluster, lambda _: CAR, lambda _: None)
        self.speed: Speed | None = None
        self.sender = Sender(self.desk, reach, lambda _: self.speed, lambda _: frozenset())
        self.taker = Taker(self.desk, self.sender, Limits(cut_expires_s=900))

    async def start(self, stack: AsyncExitStack) -> None:
        await self.store.migrate()
        await self.store.start()
        stack.push_async_callback(self.store.close)
        await self.desk.start()
        stack.push_async_callback(self.desk.close)
        await self.cluster.start()
        stack.push_async_callback(self.cluster.close)
        stack.push_async_callback(self.sender.close)


async def become_steady(*nodes: Node) -> None:
    """Let nodes hear themselves and each other for long enough."""
    for tick in range(1, 9):
        for node in nodes:
            node.cluster.offer(Tick(tick, float(tick)))
        await hear()


async def hear() -> None:
    """Let what was published arrive."""
    for _ in range(50):
        await asyncio.sleep(0)
