"""The contract of the bus that joins nodes, and the choice of one by URL.

A bus carries bytes by topic, and keeps the last known state of each topic as named fields, written
in the same step as a message. It is fire and forget: nobody is told of what was lost. Whoever needs
to know (tracker.cluster) numbers its messages and listens for its own echo.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol


class Subscription(Protocol):
    """Messages of one topic, from the moment of subscribing on. Close it when done."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """The next message; StopAsyncIteration once closed. Errors are mended inside."""
        ...

    def reset(self) -> None:
        """Drop the connection and subscribe anew: it is believed to be dead."""
        ...

    async def close(self) -> None:
        """No more messages."""
        ...


class Bus(Protocol):
    """memory:// within one process, redis:// between nodes."""

    shared: bool  # whether other nodes can be on it

    async def publish(
        self, topic: str, payload: bytes, state: Mapping[str, bytes] | None = None
    ) -> None:
        """Send a message and keep the fields of `state`. Raises BusError when it is away."""
        ...

    def subscribe(self, topic: str) -> Subscription:
        """Messages of a topic."""
        ...

    async def load(self, topic: str) -> dict[str, bytes]:
        """All kept fields of a topic. Raises BusError."""
        ...

    async def fetch(self, topic: str, field: str) -> bytes | None:
        """One kept field of a topic, None if there is none. Raises BusError."""
        ...

    async def claim(self, name: str, owner: str, lease_s: float) -> bool:
        """Whether a name is `owner`'s: the first who claims it has it, until the lease is over.

        Asked again by its owner the answer is the same, so a lost answer does no harm; that does
        not prolong the lease. Raises BusError.
        """
        ...

    async def forget(self, topic: str, *fields: str) -> None:
        """Keep these fields no longer. Raises BusError."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


def open_bus(url: str) -> Bus:
    """The bus that a URL names. Nothing is connected yet."""
    from tracker.bus.memory import MemoryBus  # noqa: PLC0415 - the bodies import this contract
    from tracker.bus.redis import RedisBus  # noqa: PLC0415

    return MemoryBus(url) if url.startswith("memory") else RedisBus(url)
