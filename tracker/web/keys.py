"""What handlers find in the application: its parts, by typed keys."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from tracker.cluster import Cluster
from tracker.commands.desk import CommandDesk
from tracker.commands.sending import Sender
from tracker.commands.taking import Taker
from tracker.config import Config
from tracker.devices.datagrams import Datagrams
from tracker.devices.gateway import Gateway
from tracker.devices.ports import Port
from tracker.hub import Hub
from tracker.ingest import Ingest
from tracker.journal import Journal
from tracker.loopwatch import LoopWatch
from tracker.mqtt.callers import Callers
from tracker.mqtt.relay import Relay
from tracker.mqtt.sources import Sources
from tracker.registry import Registry
from tracker.retention import Retention
from tracker.saver import VehicleSaver
from tracker.storage.base import Store
from tracker.ticker import Ticker
from tracker.world import World


@dataclass(frozen=True, slots=True)
class Node:
    """Which server this is, and which start of it."""

    name: str
    epoch: str = field(default_factory=lambda: secrets.token_hex(6))


CONFIG = web.AppKey("config", Config)
NODE = web.AppKey("node", Node)
PORTS = web.AppKey("ports", list[Port])
REGISTRY = web.AppKey("registry", Registry)
WORLD = web.AppKey("world", World)
HUB = web.AppKey("hub", Hub)
INGEST = web.AppKey("ingest", Ingest)
GATEWAY = web.AppKey("gateway", Gateway)
DATAGRAMS = web.AppKey("datagrams", Datagrams)
JOURNAL = web.AppKey("journal", Journal)
LOOP_WATCH = web.AppKey("loop_watch", LoopWatch)
RELAY = web.AppKey("relay", Relay)
RELAY_CALLERS = web.AppKey("relay_callers", Callers)
SOURCES = web.AppKey("sources", Sources)
RETENTION = web.AppKey("retention", Retention)
SAVER = web.AppKey("saver", VehicleSaver)
STORE = web.AppKey("store", Store)
COMMANDS = web.AppKey("commands", CommandDesk)
SENDER = web.AppKey("sender", Sender)
TAKER = web.AppKey("taker", Taker)
CLUSTER = web.AppKey("cluster", Cluster)
TICKER = web.AppKey("ticker", Ticker)
