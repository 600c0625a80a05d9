"""Builds the parts from the settings, joins them, and starts and stops them in order.

The only room that knows all others. The order of the start is the way of a position from bottom to
top: what has to be there before the first one arrives comes first, and the stop goes the other
way, so that every answer whose position is on disk is still given.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from tracker.bus.base import open_bus
from tracker.certificates import Certificates
from tracker.cluster import Cluster
from tracker.commands import life, pace, taking
from tracker.commands.desk import CommandDesk
from tracker.commands.sending import Sender
from tracker.config import Config, parse_address
from tracker.datagrams import Datagrams
from tracker.datagrams import Limits as DatagramLimits
from tracker.errors import StartError
from tracker.fleet import Fleet, MotionRules
from tracker.gateway import Gateway
from tracker.gateway import Limits as DeviceLimits
from tracker.hub import Hub, Rules
from tracker.ingest import Ingest
from tracker.ingest import Limits as FixLimits
from tracker.journal import Journal
from tracker.loopwatch import LoopWatch
from tracker.model import DeviceStatus, Vehicle
from tracker.mqtt.callers import Callers
from tracker.mqtt.lane import Limits as RelayLimits
from tracker.mqtt.relay import Relay
from tracker.mqtt.sources import Sources
from tracker.ports import device_ports
from tracker.protocols import publications
from tracker.registry import DEFAULT_FLEET, Registry
from tracker.retention import DAY_S, Retention, keep_seconds
from tracker.saver import VehicleSaver
from tracker.storage import areas, create_store
from tracker.threadpool import WORKERS, started
from tracker.ticker import Ticker
from tracker.ticks import Ticks
from tracker.ways import Ways
from tracker.web import keys, pages
from tracker.web.commands_api import CommandMetrics
from tracker.web.health import METRICS, Metrics
from tracker.web.live import ADMISSION, Admission
from tracker.web.middleware import errors, security_headers
from tracker.web.routes import add_routes
from tracker.world import AgeRules, World

GOING_AWAY = 1001  # WebSocket close code: the server stops, come again
SHUTDOWN_S = 3.0  # that requests under way have to end
MAX_BODY_BYTES = 1 << 20  # of a REST request; the largest there is has a few hundred bytes

_log = structlog.get_logger(__name__)


def build(config: Config) -> web.Application:
    """The application, with nothing started. Raises ConfigError."""
    app = web.Application(middlewares=[errors], client_max_size=MAX_BODY_BYTES)
    app[keys.CONFIG] = config
    app[keys.NODE] = keys.Node(config.node_name)
    for part in (_core, _floor, _doors, _brokers, _clock, _commands):
        part(app, config)
    pages.setup(app)
    add_routes(app)
    app.on_response_prepare.append(security_headers(config.tile_url))
    app.on_shutdown.append(_say_goodbye)
    app.cleanup_ctx.append(_running)
    return app


def _core(app: web.Application, config: Config) -> None:
    """The parts without I/O."""
    rules = MotionRules(
        moving_above_kmh=config.moving_above_kmh,
        still_below_kmh=config.still_below_kmh,
        idle_after_s=config.idle_after_s,
        parked_after_s=config.parked_after_s,
    )
    ages = AgeRules(
        stale_after_s=config.stale_after_s,
        stale_parked_after_s=config.stale_parked_after_s,
        offline_after_s=config.offline_after_s,
    )
    app[keys.WORLD] = World(ages)
    app[keys.REGISTRY] = Registry(
        config.unknown_devices, config.max_new_devices_per_minute, config.max_vehicles
    )
    app[keys.INGEST] = Ingest(
        Fleet(rules),
        Ticks(config.tick_interval_s),
        FixLimits(clock_ahead_s=config.clock_ahead_s, max_speed_kmh=config.max_speed_kmh),
    )
    app[keys.HUB] = Hub(
        app[keys.WORLD],
        Rules(behind_ticks=config.viewer_behind_ticks, close_after_s=config.viewer_close_after_s),
    )


def _floor(app: web.Application, config: Config) -> None:
    """What keeps things: store, journal, and who writes to them behind the scenes."""
    registry = app[keys.REGISTRY]
    store = app[keys.STORE] = create_store(config.store_url, config.data)
    app[keys.SAVER] = VehicleSaver(store)
    app[keys.JOURNAL] = Journal(
        store.journal_path,
        linger_s=config.journal_linger_ms / 1000,
        max_pending=config.journal_max_pending,
    )
    app[keys.RETENTION] = Retention(
        store,
        lambda: keep_seconds(
            {vehicle.fleet for vehicle in registry.vehicles.values()},
            config.retention_days,
            config.retention_days_by_fleet,
        ),
    )


def _doors(app: web.Application, config: Config) -> None:
    """Where devices and other nodes come in."""
    registry, world, ingest = app[keys.REGISTRY], app[keys.WORLD], app[keys.INGEST]
    app[keys.CLUSTER] = Cluster(
        open_bus(config.bus),
        config.node_name,
        [DEFAULT_FLEET],
        lambda id_: registry.vehicles[id_],
        ingest.fleet.everything,
    )
    app[keys.GATEWAY] = Gateway(
        registry,
        ingest,
        app[keys.JOURNAL],
        DeviceLimits(
            connections=config.max_devices,
            connections_per_address=config.max_devices_per_address,
            frame_timeout_s=config.frame_timeout_s,
            heartbeat_s=config.heartbeat_s,
            login_timeout_s=config.login_timeout_s,
            tls_handshakes=config.max_tls_handshakes,
        ),
        options={**config.protocol_options, **_publications(config)},
        known_live=lambda id_: world.lives[world.slots[id_]] if id_ in world.slots else None,
        certificates=_certificates(config),
    )
    app[keys.PORTS] = device_ports(config)
    app[keys.DATAGRAMS] = Datagrams(
        app[keys.GATEWAY],
        DatagramLimits(
            size_bytes=config.max_datagram_bytes,
            sources=config.max_datagram_sources,
            forget_s=config.datagram_source_forget_s,
            strangers_per_minute=config.max_new_datagram_sources_per_minute,
        ),
    )


def _commands(app: web.Application, config: Config) -> None:
    """What is asked of devices, and the ways to them."""
    registry, gateway = app[keys.REGISTRY], app[keys.GATEWAY]
    desk = app[keys.COMMANDS] = CommandDesk(
        app[keys.STORE],
        app[keys.CLUSTER],
        registry.vehicles.get,
        app[keys.INGEST].ticks.add_event,
    )
    fleet = app[keys.INGEST].fleet
    ways = Ways(gateway, app[keys.DATAGRAMS], app[keys.SOURCES], app[keys.WORLD], fleet)
    sender = app[keys.SENDER] = Sender(
        desk,
        ways.reach,
        ways.speed,
        ways.silent,
        barred=ways.barred,
        times=life.Times(config.command_answer_s),
        cut=pace.Rules(config.engine_cut_max_speed_kmh, config.engine_cut_speed_age_s),
        keep_s=config.command_history_days * DAY_S,
    )
    limits = taking.Limits(
        config.max_open_commands, config.command_expires_s, config.engine_cut_expires_s
    )
    app[keys.TAKER] = taking.Taker(desk, sender, limits, gateway.options)
    gateway.commands = sender
    app[METRICS].registry.register(CommandMetrics(desk))


def _publications(config: Config) -> dict[str, Any]:
    """Options of a Session for what devices publish: how it is read, and who may connect."""
    secrets_of = {name: one.get_secret_value() for name, one in config.owntracks_secrets.items()}
    users = {name: one.get_secret_value() for name, one in config.mqtt_users.items()}
    return {
        publications.OPTION: publications.Reader(config.mqtt_mappings, secrets_of),
        publications.USERS: users,
    }


def _brokers(app: web.Application, config: Config) -> None:
    """Brokers that positions come from, and those that messages are relayed to."""
    gateway = app[keys.GATEWAY]
    app[keys.SOURCES] = Sources(
        config.mqtt_sources,
        config.node_name,
        gateway,
        publications.reader_of(gateway.options),
        keep_s=config.command_answer_s,
    )
    app[keys.RELAY] = Relay(
        config.relay_brokers,
        config.node_name,
        RelayLimits(
            waiting=config.relay_max_waiting,
            window=config.relay_window,
            deadline_s=config.relay_deadline_s,
            message_bytes=config.relay_max_message_bytes,
        ),
    )
    app[keys.RELAY_CALLERS] = Callers(app[keys.RELAY], config.relay_tokens)


def _certificates(config: Config) -> Certificates | None:
    """What TLS needs, where it is set. Raises ConfigError."""
    if config.tls_certificate is None:
        return None
    return Certificates(
        config.tls_certificate, config.tls_key, config.tls_client_ca, config.tls_minimum
    )


def _clock(app: web.Application, config: Config) -> None:
    """The tick, what it takes over from other nodes, and what is measured of it."""
    app[ADMISSION] = Admission(config.max_viewers, config.max_viewers_per_address)
    ticker = app[keys.TICKER] = Ticker(
        app[keys.INGEST].ticks,
        app[keys.CLUSTER],
        app[keys.WORLD],
        app[keys.HUB],
        settle_s=config.settle_s,
        adopt=_share_vehicles(app),
    )
    app[METRICS] = Metrics(app)
    ticker.on_timing = app[METRICS].observe
    app[keys.LOOP_WATCH] = LoopWatch(app[METRICS].observe_lag)


def _share_vehicles(app: web.Application) -> Callable[[Vehicle], None]:
    """Carry changes of vehicles to every part; gives the one that takes other nodes' changes."""
    registry, world, saver = app[keys.REGISTRY], app[keys.WORLD], app[keys.SAVER]
    cluster, gateway = app[keys.CLUSTER], app[keys.GATEWAY]

    def take_over(vehicle: Vehicle) -> None:
        if vehicle.status is DeviceStatus.ACTIVE:
            world.describe(vehicle)
        else:  # not admitted, or no longer: off the map and off the line
            world.remove(vehicle.id)
            gateway.dismiss(vehicle.id)
        saver.save(vehicle)

    def changed_here(vehicle: Vehicle) -> None:
        take_over(vehicle)
        cluster.tell(vehicle)

    def told_by_others(vehicle: Vehicle) -> None:
        if registry.adopt(vehicle):
            take_over(vehicle)

    registry.on_change = changed_here
    return told_by_others


async def _running(app: web.Application) -> AsyncIterator[None]:
    """From the disk up to the port of the devices, and down again."""
    config: Config = app[keys.CONFIG]
    async with contextlib.AsyncExitStack() as stack:
        pool = await asyncio.to_thread(started, WORKERS, "worker")
        asyncio.get_running_loop().set_default_executor(pool)
        await asyncio.to_thread(_make_folder, config.data)
        store, journal = app[keys.STORE], app[keys.JOURNAL]
        app[keys.LOOP_WATCH].start()
        stack.push_async_callback(app[keys.LOOP_WATCH].close)
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
        await app[keys.CLUSTER].start()
        stack.push_async_callback(app[keys.CLUSTER].close)
        gateway = app[keys.GATEWAY]
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
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_bytes()


async def _say_goodbye(app: web.Application) -> None:
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
