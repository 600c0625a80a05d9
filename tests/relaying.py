"""The two ends of a relay for tests: a caller by TCP, and a subscriber at the broker.

The subscriber is aiomqtt, which shares no code of ours; its session outlives the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import orjson

from tests.waiting import PATIENCE_S, until


def line(number: int, device: str | int = 1, topic: str | None = None, **more: Any) -> bytes:
    """A request whose message is its number."""
    asked = {
        "id": number,
        "device_id": device,
        "topic": topic or f"fleet/{device}/cmd",
        "message": str(number),
    }
    return orjson.dumps(asked | more) + b"\n"


class Caller:
    """One connection to the relay."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> Caller:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next answer. Raises EOFError when the connection has ended."""
        async with asyncio.timeout(within_s):
            found = await self.reader.readline()
        if not found:
            raise EOFError
        answer: dict[str, Any] = orjson.loads(found)
        return answer

    async def ask(self, data: bytes) -> dict[str, Any]:
        await self.say(data)
        return await self.answer()

    async def answers(self, count: int, within_s: float = 2 * PATIENCE_S) -> list[dict[str, Any]]:
        async with asyncio.timeout(within_s):
            return [orjson.loads(await self.reader.readline()) for _ in range(count)]

    async def rest(self) -> list[dict[str, Any]]:
        """Everything up to the end of the connection."""
        async with asyncio.timeout(PATIENCE_S):
            return [orjson.loads(found) for found in (await self.reader.read()).splitlines()]

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


_SILENT = logging.getLogger("tests.subscriber")  # that its connection is lost is the point
_SILENT.setLevel(logging.CRITICAL)


class Subscriber:
    """Counts what comes under a topic filter, over any number of connections."""

    def __init__(self, port: int, topic: str = "#", name: str = "subscriber") -> None:
        self.payloads: Counter[bytes] = Counter()
        self.topics: list[str] = []
        self.ready = asyncio.Event()
        self._port = port
        self._topic = topic
        self._name = name

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self._port,
                    identifier=self._name,
                    clean_session=False,
                    logger=_SILENT,
                ) as client:
                    await client.subscribe(self._topic, qos=1)
                    self.ready.set()
                    async for message in client.messages:
                        assert isinstance(message.payload, bytes)
                        self.payloads[message.payload] += 1
                        self.topics.append(message.topic.value)
            await asyncio.sleep(0.1)

    async def until(self, count: int) -> None:
        """Until so many different payloads have come."""
        await until(lambda: len(self.payloads) >= count, 2 * PATIENCE_S)


@asynccontextmanager
async def subscribed(
    port: int, topic: str = "#", name: str = "subscriber"
) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(port, topic, name)
    task = asyncio.create_task(subscriber.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await subscriber.ready.wait()
        yield subscriber
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
