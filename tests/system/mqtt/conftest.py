"""A tracker in the test's own loop that relays to given brokers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.inprocess import InProcess, running_tracker
from tests.servers import RealServer
from tests.waiting import until
from tracker.web import keys

Relaying = Callable[..., Any]


def broker(server: RealServer, name: str = "only", **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"mqtt://127.0.0.1:{server.port}"} | more


@pytest.fixture
def relaying(tmp_path: Path) -> Relaying:
    """`async with relaying([broker(…)], **settings) as (tracker, port of the relay)`."""

    @asynccontextmanager
    async def start(
        brokers: list[dict[str, Any]], *, connected: bool = True, **settings: Any
    ) -> AsyncIterator[tuple[InProcess, int]]:
        settings = {"relay": "127.0.0.1:0", "relay_brokers": brokers} | settings
        async with running_tracker(tmp_path / "data", **settings) as tracker:
            if connected:
                links = tracker.app[keys.RELAY].links
                await until(lambda: all(link.connected for link in links))
            yield tracker, tracker.app[keys.RELAY_CALLERS].port if settings["relay"] else 0

    return start
