"""The bus between nodes: Redis Pub/Sub, with the last known state in hashes.

redis-py mends a lost connection silently or not at all, and says nothing of a frozen server (its
health check sends a PING but never demands the PONG). So the subscriber has a client of its own
that is thrown away and built anew after any error and on `reset`; the caller decides by its own
echo whether the subscription lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tracker.errors import BusError

TIMEOUT_S = 2.0  # of any one exchange: a server that takes longer is as good as away
MAX_BACKOFF_S = (
    1.0  # full jitter below it; a node must be back within 3 ticks of the server's return
)
_LOST = (RedisError, OSError, TimeoutError)

T = TypeVar("T")

_log = structlog.get_logger(__name__)


def _client(url: str) -> Redis:
    """A client that tries once: all retrying here is ours."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
    )


class RedisSubscription:
    """Messages of one topic, over as many connections as it takes."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._pubsub: PubSub | None = None
        self._client: Redis | None = None
        self._failures = 0
        self._closed = False
        self._reading: asyncio.Task[bytes | None] | None = None
        self.rebuilt = 0

    def __aiter__(self) -> RedisSubscription:
        return self

    async def __anext__(self) -> bytes:
        while not self._closed:
            # A task of its own can be cancelled by reset() without ending the reader's loop.
            self._reading = asyncio.create_task(self._next())
            try:
                message = await asyncio.shield(self._reading)
            except asyncio.CancelledError:
                if self._reading.cancelled() and not _cancelling():
                    await self._drop()
                    continue
                self._reading.cancel()
                raise
            except _LOST as exc:
                await self._drop()
                self._failures += 1
                if self._failures == 1:
                    _log.warning("bus.subscription_lost", channel=self._channel, error=str(exc))
                bound = min(MAX_BACKOFF_S, 0.05 * 2 ** min(self._failures, 10))
                await asyncio.sleep(random.uniform(0, bound))  # noqa: S311 - jitter, no secret
                continue
            if message is not None:
                return message
        raise StopAsyncIteration

    async def _next(self) -> bytes | None:
        """The next message; None for anything else that Redis says."""
        if self._pubsub is None:
            self._client = _client(self._url)
            self._pubsub = self._client.pubsub()
            async with asyncio.timeout(TIMEOUT_S):
                await self._pubsub.subscribe(self._channel)
            self.rebuilt += 1
        message = await self._pubsub.get_message(timeout=None)
        if message is None:
            return None
        if message["type"] == "subscribe":
            if self._failures:
                _log.info("bus.subscription_restored", channel=self._channel)
            self._failures = 0
        return message["data"] if message["type"] == "message" else None

    def reset(self) -> None:
        """Drop the connection and subscribe anew."""
        if self._reading is not None:
            self._reading.cancel()

    async def _drop(self) -> None:
        pubsub, client, self._pubsub, self._client = self._pubsub, self._client, None, None
        if pubsub is not None:
            with contextlib.suppress(*_LOST):
                async with asyncio.timeout(TIMEOUT_S):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
        if client is not None:
            with contextlib.suppress(*_LOST):
                async with asyncio.timeout(TIMEOUT_S):
                    await client.aclose()

    async def close(self) -> None:
        """No more messages."""
        self._closed = True
        self.reset()
        await self._drop()


def _cancelling() -> bool:
    """Whether the task that runs now is itself asked to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class RedisBus:
    """redis://host:port/db, or rediss:// with TLS."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = _client(url)
        # Channels know no databases: without its number two trackers on one server would meet.
        database = self._client.connection_pool.connection_kwargs.get("db") or 0
        self._prefix = f"tracker:{database}:"

    async def publish(
        self, topic: str, payload: bytes, state: Mapping[str, bytes] | None = None
    ) -> None:
        """State and message in one round trip."""
        # Typed as Any: redis-py's commands claim to be awaitable in a pipeline too, and are not.
        pipeline: Any = self._client.pipeline(transaction=False)
        if state:
            pipeline.hset(self._prefix + topic, mapping=dict(state))
        pipeline.publish(self._prefix + topic, payload)
        await self._try(pipeline.execute())

    def subscribe(self, topic: str) -> RedisSubscription:
        """Messages of a topic."""
        return RedisSubscription(self._url, self._prefix + topic)

    async def load(self, topic: str) -> dict[str, bytes]:
        """All kept fields of a topic."""
        fields: Any = await self._try(self._client.hgetall(self._prefix + topic))
        return {name.decode(): value for name, value in fields.items()}

    async def fetch(self, topic: str, field: str) -> bytes | None:
        """One kept field of a topic."""
        request: Any = self._client.hget(self._prefix + topic, field)
        value: bytes | None = await self._try(request)
        return value

    async def claim(self, name: str, owner: str, lease_s: float) -> bool:
        """Whether a name is `owner`'s now. A key of its own, which Redis forgets by itself."""
        key = f"{self._prefix}claim:{name}"
        pipeline: Any = self._client.pipeline(transaction=True)
        pipeline.set(key, owner, nx=True, px=max(1, round(lease_s * 1000)))
        pipeline.get(key)
        _, held = await self._try(pipeline.execute())
        return bool(held == owner.encode())

    async def forget(self, topic: str, *fields: str) -> None:
        """Keep these fields no longer."""
        if fields:
            await self._try(self._client.hdel(self._prefix + topic, *fields))

    async def _try(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await request
        except _LOST as exc:
            await self._client.connection_pool.disconnect(inuse_connections=True)
            raise BusError(f"Redis: {str(exc) or type(exc).__name__}") from None

    async def close(self) -> None:
        """Let go of every connection."""
        with contextlib.suppress(*_LOST):
            async with asyncio.timeout(TIMEOUT_S):
                await self._client.aclose()
