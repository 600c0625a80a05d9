"""The bus within one process: parts that name the same memory:// URL hear each other.

A single node needs no other. Queues are bounded: a subscriber that does not read loses the oldest
messages, as it would with Redis, and sees the gap in the numbers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from weakref import WeakSet, WeakValueDictionary

MAX_WAITING = 1_000  # messages of one subscriber; at one per node and tick that is minutes


class _Exchange:
    """What the buses of one URL share."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, WeakSet[MemorySubscription]] = {}
        self.state: dict[str, dict[str, bytes]] = {}
        # Owner and end of each lease by name; those that are over go with the next claim. Leases
        # have about one length, so the oldest are the first to end.
        self.claims: dict[str, tuple[str, float]] = {}


_EXCHANGES: WeakValueDictionary[str, _Exchange] = WeakValueDictionary()


class MemorySubscription:
    """Messages of one topic."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()
        self._closed = False

    def deliver(self, payload: bytes) -> None:
        """Put a message in line."""
        self._waiting.append(payload)
        self._wake.set()

    def __aiter__(self) -> MemorySubscription:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def reset(self) -> None:
        """Nothing in between can die here."""

    async def close(self) -> None:
        """No more messages once those in line are read."""
        self._closed = True
        self._wake.set()


class MemoryBus:
    """memory:// or memory://name."""

    def __init__(self, url: str = "memory://") -> None:
        # Parts with a name are meant to meet; without one a bus is alone.
        self.shared = url != "memory://"
        exchange = _EXCHANGES.get(url) if self.shared else None
        if exchange is None:
            exchange = _Exchange()
            if self.shared:
                _EXCHANGES[url] = exchange
        self._exchange = exchange

    async def publish(
        self, topic: str, payload: bytes, state: Mapping[str, bytes] | None = None
    ) -> None:
        """Deliver at once to whoever listens."""
        if state:
            self._exchange.state.setdefault(topic, {}).update(state)
        for subscription in list(self._exchange.subscriptions.get(topic, ())):
            subscription.deliver(payload)

    def subscribe(self, topic: str) -> MemorySubscription:
        """Messages of a topic."""
        subscription = MemorySubscription()
        self._exchange.subscriptions.setdefault(topic, WeakSet()).add(subscription)
        return subscription

    async def load(self, topic: str) -> dict[str, bytes]:
        """All kept fields of a topic."""
        return dict(self._exchange.state.get(topic, {}))

    async def fetch(self, topic: str, field: str) -> bytes | None:
        """One kept field of a topic."""
        return self._exchange.state.get(topic, {}).get(field)

    async def claim(self, name: str, owner: str, lease_s: float) -> bool:
        """Whether a name is `owner`'s now."""
        claims, now = self._exchange.claims, asyncio.get_running_loop().time()
        while claims:
            oldest, (_, end) = next(iter(claims.items()))
            if now < end:
                break
            del claims[oldest]
        held = claims.get(name)
        if held is None or now >= held[1]:
            claims.pop(name, None)
            claims[name] = held = (owner, now + lease_s)
        return held[0] == owner

    async def forget(self, topic: str, *fields: str) -> None:
        """Keep these fields no longer."""
        for field in fields:
            self._exchange.state.get(topic, {}).pop(field, None)

    async def close(self) -> None:
        """Nothing is connected."""
