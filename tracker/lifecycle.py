"""Starts the parts in order, stops them in the other, and serves between the two.

The order of the start is the way of a position from bottom to top: what has to be there before the
first one arrives comes first, and the stop goes the other way, so that every answer whose position
is on disk is still given. The parts are known by their keys; `app` has made and joined them.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import structlog
from aiohttp import web

from tracker.config import Config, parse_address
from tracker.errors import StartError
from tracker.model import DeviceStatus
from tracker.storage import areas
from tracker.threadpool import WORKERS, started
from tracker.web import keys

GOING_AWAY = 1001  # WebSocket close code: the server stops, come again
SHUTDOWN_S = 3.0  # that requests under way have to end

_log = structlog.get_logger(__name__)


async def lifetime(app: web.Application) -> AsyncIterator[None]:
    """From the disk up to the port of the devices, and down again."""
    config: Config = app[keys.CONFIG]
    async with AsyncExitStack() as stack:
        pool = await asyncio.to_thread(started, WORKERS, "worker")
        asyncio.get_running_loop().set_default_executor(pool)
        await asyncio.to_thread(_make_folder, config.data)
        app[keys.LOOP_WATCH].start()
        stack.push_async_callback(app[keys.LOOP_WATCH].close)
        await _start_keeping(app, stack)
        await app[keys.CLUSTER].start()
        stack.push_async_callback(app[keys.CLUSTER].close)
        await _open_doors(app, stack)
        app[keys.SENDER].start()
        stack.push_async_callback(app[keys.SENDER].close)
        app[keys.RETENTION].start()
        stack.push_async_callback(app[keys.RETENTION].close)
        app[keys.TICKER].start()
        stack.push_async_callback(app[keys.TICKER].close)
        _log.info(
            "tracker.started", http=config.http, devices=config.devices, node=config.node_name
        )
        yield
        _log.info("tracker.stopping")


async def _start_keeping(app: web.Application, stack: AsyncExitStack) -> None:
    """Store and journal, what they remember, and who writes to them behind the scenes."""
    store, journal = app[keys.STORE], app[keys.JOURNAL]
    await store.migrate()
    await store.start()
    stack.push_async_callback(store.close)
    await journal.start()
    stack.push_async_callback(journal.close)
    await _remember(app)
    app[keys.SAVER].start()
    stack.push_async_callback(app[keys.SAVER].close)
    await app[keys.COMMANDS].start()
    stack.push_async_callback(app[keys.COMMANDS].close)


async def _open_doors(app: web.Application, stack: AsyncExitStack) -> None:
    """Where devices and the relay's callers come in, and the brokers that are gone to."""
    config, gateway = app[keys.CONFIG], app[keys.GATEWAY]
    gateway.auth_key = await asyncio.to_thread(_secret, config)
    await gateway.start(*app[keys.PORTS])
    # Closed after the gateway: while it waits for the disk, answers leave here as well.
    stack.push_async_callback(app[keys.DATAGRAMS].close)
    stack.push_async_callback(gateway.close)
    await app[keys.DATAGRAMS].start(gateway.listening)
    app[keys.SOURCES].start()
    stack.push_async_callback(app[keys.SOURCES].close)
    if config.relay:  # closed last, so that the answers of the relay's last moments leave
        await app[keys.RELAY_CALLERS].start(*parse_address(config.relay))
        stack.push_async_callback(app[keys.RELAY_CALLERS].close)
    app[keys.RELAY].start()
    stack.push_async_callback(app[keys.RELAY].close)


async def _remember(app: web.Application) -> None:
    """What was known before this start: vehicles, and where each was last."""
    store, world, fleet = app[keys.STORE], app[keys.WORLD], app[keys.INGEST].fleet
    vehicles = await store.load_vehicles()
    app[keys.REGISTRY].load(vehicles)
    for vehicle in vehicles:
        if vehicle.status is DeviceStatus.ACTIVE:
            world.describe(vehicle)
    lives = []
    for position in (await areas.last_reported(store)).values():  # imports move no marker
        live = fleet.update(position)
        if live.vehicle_id in world.slots:
            lives.append(live)
    # They stand in the world as of the first tick; no viewer is there yet to be told.
    world.restore(lives)
    _log.info("tracker.remembered", vehicles=len(vehicles), positions=len(lives))


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise StartError(f"cannot write to the data folder {path}: {exc.strerror}") from None


def _secret(config: Config) -> bytes:
    """What codes for devices are derived from: set, or made once and kept in the data folder."""
    if config.secret is not None:
        return config.secret.get_secret_value().encode()
    path = config.data / "secret"
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_bytes()


async def say_goodbye(app: web.Application) -> None:
    """Viewers are told to come again before their connections go."""
    for viewer in list(app[keys.HUB].viewers):
        viewer.sink.close(GOING_AWAY, "the server stops")
    await asyncio.sleep(0)


async def serve(app: web.Application, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises StartError when an address cannot be had."""
    config = app[keys.CONFIG]
    host, port = parse_address(config.http)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
    try:
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=4_096)
        try:
            await site.start()
        except OSError as exc:
            raise StartError(
                f"cannot listen for browsers on {config.http}: {exc.strerror or exc}"
            ) from None
        await stop.wait()
    finally:
        await runner.cleanup()
