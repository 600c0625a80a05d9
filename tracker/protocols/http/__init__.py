"""What comes by HTTP on the port of the devices: OsmAnd and Traccar Client, OwnTracks, JSON."""

from __future__ import annotations

from functools import partial

from tracker.protocols.base import Family
from tracker.protocols.http.decoder import HttpDecoder
from tracker.protocols.http.probe import probe

__all__ = ["FLESPI", "JSON", "OSMAND", "OWNTRACKS", "HttpDecoder"]


def _family(name: str, title: str) -> Family:
    return Family(
        name=name,
        title=title,
        probe=partial(probe, name),
        decoder=partial(HttpDecoder, name=name),
        heartbeat_s=30.0,  # a connection that is kept open is given up after 90 s, as servers do
        carrier="http",
        shared=True,
    )


OWNTRACKS = _family("owntracks", "OwnTracks (HTTP)")
FLESPI = _family("flespi", "flespi (HTTP stream)")
OSMAND = _family("osmand", "OsmAnd, Traccar Client (HTTP)")
JSON = _family("json", "JSON by a mapping (HTTP)")
