"""What is measured of brokers: the relay's lanes and callers, and the sources of positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aiohttp import web
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tracker.mqtt.link import Link
from tracker.web.keys import RELAY, RELAY_CALLERS, SOURCES

_LANE_COUNTERS = {
    "published": "Messages handed to the broker for the first time",
    "confirmed": "Messages that the broker confirmed",
    "confirmed_late": "Of these, when nobody waited for it any more",
    "republished": "Messages published again after a reconnect",
    "given_up": "Messages that ended every connection that carried them",
    "strange_confirmations": "Confirmations of what was not published",
}
_SOURCE_COUNTERS = {
    "messages": "Publications received",
    "bytes": "Bytes of them",
    "repeated": "Of these, such as the broker had sent before",
    "acknowledged": "Publications acknowledged: their positions are on disk",
    "to_come_again": "Publications unacknowledged when a connection was lost",
    "pauses": "Times that the broker was not read because the journal was full",
}
_OUTBOX_COUNTERS = {
    "commands_published": "Commands handed to the broker",
    "commands_confirmed": "Commands that the broker confirmed",
    "commands_refused": "Commands that the broker refused",
    "commands_forgotten": "Commands unconfirmed when a connection was lost",
}
_CALLER_COUNTERS = {
    "opened": "Connections accepted",
    "requests": "Requests taken",
    "pauses": "Times that a caller was not read because there was no room",
    "unheard": "Requests whose caller had gone before the answer",
    "bytes": "Bytes received",
}


class Brokers(Collector):
    """Reads the counters of the parts."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self):  # type: ignore[no-untyped-def]  # the base class names no type
        """Every number, as it is now."""
        yield from self._links()
        if self._app[RELAY].lanes:
            yield from self._lanes()
            yield from self._callers()
        if self._app[SOURCES].all:
            yield from self._sources()

    def _links(self) -> Iterator[Metric]:
        relay, sources = self._app[RELAY], self._app[SOURCES]
        links: list[tuple[str, Link]] = [("relay", link) for link in relay.links]
        links += [("source", source.link) for source in sources.all]
        if not links:
            return
        labels = ["part", "broker"]
        connected = GaugeMetricFamily("tracker_mqtt_connected", "1: connected", labels=labels)
        counters = {
            key: CounterMetricFamily(f"tracker_mqtt_{key}", text, labels=labels)
            for key, text in (
                ("connects", "Connections made"),
                ("losses", "Connections lost"),
                ("failures", "Tries to connect that came to nothing"),
            )
        }
        for part, link in links:
            connected.add_metric([part, link.broker.name], float(link.connected))
            for key, family in counters.items():
                family.add_metric([part, link.broker.name], link.stats[key])
        yield connected
        yield from counters.values()

    def _lanes(self) -> Iterator[Metric]:
        relay = self._app[RELAY]
        stats = {lane.name: lane.stats for lane in relay.lanes}
        yield from _counters("tracker_relay", "broker", _LANE_COUNTERS, stats)
        waiting = GaugeMetricFamily(
            "tracker_relay_waiting", "Requests not published yet", labels=["broker"]
        )
        flight = GaugeMetricFamily(
            "tracker_relay_in_flight", "Published and not confirmed", labels=["broker"]
        )
        refused = CounterMetricFamily(
            "tracker_relay_refused", "Answers other than ok", labels=["broker", "code"]
        )
        latency = HistogramMetricFamily(
            "tracker_relay_confirm_seconds",
            "From taking a request to the broker's confirmation",
            labels=["broker"],
        )
        for lane in relay.lanes:
            waiting.add_metric([lane.name], len(lane.waiting))
            flight.add_metric([lane.name], len(lane.in_flight))
            latency.add_metric([lane.name], lane.latency.buckets(), lane.latency.sum_s)
            for word, count in lane.codes.items():
                refused.add_metric([lane.name, word], count)
        for word, count in relay.codes.items():
            refused.add_metric(["", word], count)
        yield from (waiting, flight, refused, latency)

    def _callers(self) -> Iterator[Metric]:
        callers = self._app[RELAY_CALLERS]
        yield GaugeMetricFamily("tracker_relay_callers", "Open connections", len(callers.open))
        for key, text in _CALLER_COUNTERS.items():
            yield CounterMetricFamily(f"tracker_relay_callers_{key}", text, callers.stats[key])
        closed = CounterMetricFamily(
            "tracker_relay_callers_closed", "Closed connections", labels=["reason"]
        )
        for reason, count in callers.closed.items():
            closed.add_metric([reason], count)
        yield closed

    def _sources(self) -> Iterator[Metric]:
        sources = self._app[SOURCES].all
        stats = {source.name: source.stats for source in sources}
        yield from _counters("tracker_source", "source", _SOURCE_COUNTERS, stats)
        sent = {source.name: source.outbox.stats for source in sources}
        yield from _counters("tracker_source", "source", _OUTBOX_COUNTERS, sent)
        waiting = GaugeMetricFamily(
            "tracker_source_unacknowledged", "Publications not on disk yet", labels=["source"]
        )
        held = GaugeMetricFamily(
            "tracker_source_held", "1: not read, the journal is full", labels=["source"]
        )
        damaged = CounterMetricFamily(
            "tracker_source_damaged", "Reports that cannot be read", labels=["source", "kind"]
        )
        for source in sources:
            waiting.add_metric([source.name], source.unacknowledged)
            held.add_metric([source.name], float(source.held))
            for kind, count in source.damaged.items():
                damaged.add_metric([source.name, kind], count)
        yield from (waiting, held, damaged)


def _counters(
    prefix: str, label: str, texts: Mapping[str, str], stats: Mapping[str, Mapping[str, int]]
) -> Iterator[Metric]:
    for key, text in texts.items():
        family = CounterMetricFamily(f"{prefix}_{key}", text, labels=[label])
        for name, counts in stats.items():
            family.add_metric([name], counts.get(key, 0))
        yield family
