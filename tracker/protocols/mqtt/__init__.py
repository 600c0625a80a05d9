"""MQTT on the port of the devices: OwnTracks, flespi, and JSON of one's own."""

from __future__ import annotations

from tracker.protocols.base import Family
from tracker.protocols.mqtt.decoder import MqttDecoder
from tracker.protocols.mqtt.probe import probe

__all__ = ["FAMILY", "MqttDecoder"]

FAMILY = Family(
    name="mqtt",
    title="MQTT (OwnTracks, flespi, JSON)",
    probe=probe,
    decoder=MqttDecoder,
    heartbeat_s=600.0,  # of clients that state no keep alive; one that does is held to its own
    carrier="mqtt",
    shared=True,  # a bridge carries several devices
)
