"""A whole tracker inside the test's own event loop, on free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.servers import free_port
from tracker.app import build
from tracker.config import load
from tracker.lifecycle import serve


class InProcess:
    """A started tracker and a client session for it."""

    def __init__(
        self,
        app: web.Application,
        session: aiohttp.ClientSession,
        url: str,
        stop: asyncio.Event,
    ) -> None:
        self.app = app
        self.stop = stop
        self.session = session
        self.url = url

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be 200."""
        async with self.session.get(self.url + path, **options) as response:
            assert response.status == 200, await response.text()
            return await response.json(content_type=None)

    def feed(self, **options: Any):  # type: ignore[no-untyped-def]
        """A live feed, to be entered."""
        return self.session.ws_connect(f"{self.url}/api/v1/live", **options)


@asynccontextmanager
async def running_tracker(data: Path, **settings: Any) -> AsyncIterator[InProcess]:
    settings = {"http": f"127.0.0.1:{free_port()}", "devices": "127.0.0.1:0"} | settings
    config = load(data=data, **settings)
    app, stop = build(config), asyncio.Event()
    serving = asyncio.create_task(serve(app, stop))
    url = f"http://{config.http}"
    async with aiohttp.ClientSession() as session:
        while True:
            if serving.done():
                serving.result()
            try:
                async with session.get(f"{url}/healthz"):
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)
        try:
            yield InProcess(app, session, url, stop)
        finally:
            stop.set()
            await serving
