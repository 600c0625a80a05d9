"""Alive, ready, and measured: /healthz, /readyz, /metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from tracker.devices.gateway import Gateway
from tracker.errors import TrackerError
from tracker.model import State
from tracker.web.keys import (
    CLUSTER,
    CONFIG,
    DATAGRAMS,
    GATEWAY,
    HUB,
    INGEST,
    JOURNAL,
    LOOP_WATCH,
    REGISTRY,
    RELAY,
    RETENTION,
    SOURCES,
    STORE,
    TICKER,
    WORLD,
)
from tracker.web.mqtt_metrics import Brokers

LATE_TICKS = 5  # without a tick for this many the node is not ready
_BUCKETS_MS = (1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000)
_BUCKETS = tuple(ms / 1_000 for ms in _BUCKETS_MS)


class Metrics:
    """The node's numbers. Counters live in the parts; they are read when somebody asks."""

    def __init__(self, app: web.Application) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(_Parts(app))
        self.registry.register(Brokers(app))
        self._lag = Histogram(
            "tracker_tick_start_lag_seconds",
            "How late a tick began after its boundary",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._flush = Histogram(
            "tracker_tick_flush_seconds",
            "From the merge of a tick to the last viewer's frame written",
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._done = Histogram(
            "tracker_tick_done_seconds",
            "From the tick's boundary to the last viewer's frame written",
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._loop_lag = Histogram(
            "tracker_loop_lag_seconds",
            "How late the event loop ran what was due, looked at ten times a second",
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def observe_lag(self, lag_s: float) -> None:
        """How late the loop was just now."""
        self._loop_lag.observe(lag_s)

    def observe(self, lag_s: float, flush_s: float, done_s: float) -> None:
        """One tick's times."""
        self._lag.observe(lag_s)
        self._flush.observe(flush_s)
        self._done.observe(done_s)


METRICS = web.AppKey("metrics", Metrics)


def _labelled(name: str, text: str, labels: list[str], rows: Mapping[Any, float]) -> Metric:
    """A counter per label values; a key is their tuple."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in rows.items():
        family.add_metric(values, count)
    return family


def _tls(gateway: Gateway) -> list[Metric]:
    """Of TLS, and of who was not understood."""
    renewed = Counter() if gateway.certificates is None else gateway.certificates.stats
    stats, under_way = gateway.stats, gateway.turnstile.under_way
    return [
        CounterMetricFamily("tracker_tls_connections", "Handshakes done", stats["tls_connections"]),
        GaugeMetricFamily("tracker_tls_handshakes_unfinished", "Under way", under_way),
        CounterMetricFamily("tracker_tls_renewals", "New certificates", renewed["renewals"]),
        CounterMetricFamily("tracker_tls_renewal_failures", "Bad ones", renewed["failures"]),
        GaugeMetricFamily("tracker_device_strangers", "Not understood", len(gateway.strangers)),
    ]


def _seconds_since(moment: float | None) -> float:
    return 0.0 if moment is None else time.time() - moment


class _Parts(Collector):
    """Reads the parts' own counters."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self):  # type: ignore[no-untyped-def]  # the base class names no type
        """Every number, as it is now."""
        yield from self._viewers()
        yield from self._devices()
        yield from self._floor()
        yield from self._bus()

    def _viewers(self) -> list[Metric]:
        hub, ticker = self._app[HUB], self._app[TICKER]
        closed = {(k.removeprefix("closed_"),): v for k, v in hub.stats.items() if "closed_" in k}
        return [
            GaugeMetricFamily("tracker_viewers", "Open live feeds", len(hub.viewers)),
            CounterMetricFamily("tracker_frames_sent", "Tick frames written", hub.frames_sent),
            CounterMetricFamily("tracker_frame_bytes", "Bytes of them", hub.bytes_sent),
            *(
                CounterMetricFamily(f"tracker_{name}", text, hub.stats[key])
                for name, key, text in (
                    ("frames_skipped", "skipped", "Ticks skipped for viewers who were behind"),
                    ("frames_conflated", "conflated", "Full frames to viewers who caught up"),
                    ("client_errors", "client_errors", "Viewer messages that were no messages"),
                )
            ),
            _labelled("tracker_viewers_closed", "Feeds closed by us, by code", ["code"], closed),
            CounterMetricFamily("tracker_ticks", "Ticks", ticker.stats["ticks"]),
            CounterMetricFamily(
                "tracker_ticks_missed", "Ticks passed over", ticker.stats["missed"]
            ),
            CounterMetricFamily("tracker_tick_errors", "Ticks that failed", ticker.stats["errors"]),
            CounterMetricFamily(
                "tracker_loop_stalls", "Times the loop stood still", self._app[LOOP_WATCH].stalls
            ),
        ]

    def _devices(self) -> list[Metric]:
        gateway, registry, ingest = self._app[GATEWAY], self._app[REGISTRY], self._app[INGEST]
        datagrams = self._app[DATAGRAMS]
        states = GaugeMetricFamily("tracker_vehicles", "Vehicles on the map", labels=["state"])
        for state, count in zip(State, self._app[WORLD].counts(), strict=True):
            states.add_metric([state.label], count)
        return [
            states,
            GaugeMetricFamily("tracker_devices", "Open connections", len(gateway.connections)),
            GaugeMetricFamily("tracker_devices_pending", "Unadmitted", registry.pending_count()),
            GaugeMetricFamily("tracker_devices_held", "Not read now", gateway.paused_count),
            GaugeMetricFamily("tracker_devices_waiting", "For a turn", len(gateway.turns)),
            CounterMetricFamily(
                "tracker_device_turns_held", "More than a turn", gateway.stats["turns_held"]
            ),
            CounterMetricFamily("tracker_device_bytes", "Received", gateway.stats["bytes"]),
            CounterMetricFamily("tracker_connections", "Accepted", gateway.stats["opened"]),
            GaugeMetricFamily(
                "tracker_datagram_sources", "Remembered", len(datagrams.sources)
            ),
            CounterMetricFamily("tracker_datagrams", "Received", gateway.stats["datagrams"]),
            CounterMetricFamily(
                "tracker_datagrams_sent", "Answers by UDP", gateway.stats["datagrams_sent"]
            ),
            _labelled(
                "tracker_datagrams_dropped", "Not read", ["reason"],
                {(name,): count for name, count in datagrams.dropped.items()},
            ),
            *_tls(gateway),
            CounterMetricFamily("tracker_positions", "Accepted positions", ingest.accepted),
            CounterMetricFamily("tracker_devices_refused", "Refused", registry.stats["refused"]),
            _labelled(
                "tracker_messages", "Whole device messages", ["protocol"],
                {(name,): count for name, count in gateway.frames.items()},
            ),
            _labelled(
                "tracker_decode_errors", "Bad frames", ["protocol", "kind"],
                gateway.decode_errors,
            ),
            _labelled(
                "tracker_connections_closed", "Closed connections", ["reason"],
                {(name,): count for name, count in gateway.closed.items()},
            ),
            _labelled(
                "tracker_fix_notes", "Fixes rejected or corrected", ["step"],
                {(name,): count for name, count in ingest.notes.items()},
            ),
        ]  # fmt: skip

    def _floor(self) -> list[Metric]:
        journal = self._app[JOURNAL]
        failing = _seconds_since(journal.failing_since)
        mover = self._app[STORE].mover
        moves, moving = mover.failures, _seconds_since(mover.failing_since)
        return [
            GaugeMetricFamily("tracker_journal_pending", "Not yet durable", journal.pending),
            GaugeMetricFamily("tracker_journal_failing_seconds", "Since it fails", failing),
            GaugeMetricFamily("tracker_journal_commit_seconds", "Newest", journal.last_commit_s),
            CounterMetricFamily("tracker_store_failures", "Failed moves to the store", moves),
            GaugeMetricFamily("tracker_store_failing_seconds", "Since moves fail", moving),
            CounterMetricFamily(
                "tracker_retention_positions", "Deleted for age", self._app[RETENTION].deleted
            ),
            CounterMetricFamily("tracker_journal_commits", "Group commits", journal.commits),
            CounterMetricFamily("tracker_journal_failures", "Failed commits", journal.failures),
            CounterMetricFamily(
                "tracker_journal_positions", "Durable positions", journal.committed_positions
            ),
        ]

    def _bus(self) -> list[Metric]:
        cluster = self._app[CLUSTER]
        names = {
            "published": "Batches published",
            "published_bytes": "Bytes of batches published",
            "publish_errors": "Batches that could not be published",
            "received": "Batches heard, our own included",
            "gaps": "Gaps in other nodes' sequences",
            "echo_losses": "Times that our own echo went missing",
            "reloads": "Loads of the kept state",
            "bad_messages": "Bus messages that were none",
        }
        return [
            GaugeMetricFamily("tracker_bus_degraded", "1: cannot hear others", cluster.degraded),
            GaugeMetricFamily("tracker_bus_peers", "Other nodes heard", len(cluster.peers())),
            *(
                CounterMetricFamily(f"tracker_bus_{key}", text, cluster.stats[key])
                for key, text in names.items()
            ),
        ]


async def healthz(_request: web.Request) -> web.Response:
    """GET /healthz: the process answers."""
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: each part, and whether traffic should come here."""
    app = request.app
    interval = app[CONFIG].tick_interval_s
    parts = {
        "ticks": "ok" if time.time() - app[TICKER].last_end < LATE_TICKS * interval else "late",
        "journal": "failing" if app[JOURNAL].failing_since is not None else "ok",
        "bus": "degraded" if app[CLUSTER].degraded else "ok",
        "store": "ok",
    }
    store = app[STORE]
    try:
        await store.ping()
        if store.mover.failing_since is not None:
            parts["store"] = "positions wait in the journal: they cannot be moved to the store"
    except TrackerError as exc:
        parts["store"] = exc.message
    if store.damage is not None:
        parts["journal"] = f"repaired: {store.damage.message}"
    parts |= {f"relay {one.broker.name}": one.state for one in app[RELAY].links}
    parts |= {f"source {one.name}": one.state for one in app[SOURCES].all}
    # Without other nodes or the history a node still serves its own devices and viewers.
    ready = parts["ticks"] == "ok" and parts["journal"] != "failing"
    body = {"status": "ready" if ready else "not ready", "parts": parts}
    return web.Response(
        body=orjson.dumps(body), status=200 if ready else 503, content_type="application/json"
    )


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, in Prometheus' text format."""
    body = generate_latest(request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
