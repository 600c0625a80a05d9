"""Builds the parts from the settings and joins them.

The only room that makes the parts of all others, and so knows what each of them needs. It starts
nothing: `lifecycle` does that, which knows the parts by their keys (`web/keys.py`) alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from tracker import lifecycle
from tracker.bus.base import open_bus
from tracker.cluster import Cluster
from tracker.commands import life, pace, taking
from tracker.commands.desk import CommandDesk
from tracker.commands.sending import Sender
from tracker.config import Config
from tracker.devices.certificates import Certificates
from tracker.devices.datagrams import Datagrams
from tracker.devices.datagrams import Limits as DatagramLimits
from tracker.devices.gateway import Gateway
from tracker.devices.gateway import Limits as DeviceLimits
from tracker.devices.ports import device_ports
from tracker.fleet import Fleet, MotionRules
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
from tracker.protocols import publications
from tracker.registry import DEFAULT_FLEET, Registry
from tracker.retention import DAY_S, Retention, keep_seconds
from tracker.saver import VehicleSaver
from tracker.storage import create_store
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

MAX_BODY_BYTES = 1 << 20  # of a REST request; the largest there is has a few hundred bytes


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
    app.on_shutdown.append(lifecycle.say_goodbye)
    app.cleanup_ctx.append(lifecycle.lifetime)
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
