"""Whether a connection begins with CONNECT: its kind, a length, and the name of the protocol."""

from __future__ import annotations

from tracker.protocols.base import Match

CONNECT = b"\x10"
NAMES = (b"\x00\x04MQTT", b"\x00\x06MQIsdp")
NAME_MOST = max(map(len, NAMES))
LENGTH_BYTES = 4


def probe(data: bytes) -> Match:
    """Whether these first bytes of a connection are a CONNECT, of whatever version."""
    if not CONNECT.startswith(data[:1]):
        return Match.NO
    for place in range(1, LENGTH_BYTES + 1):
        if place >= len(data):
            return Match.MORE
        if data[place] < 0x80:
            named = data[place + 1 : place + 1 + NAME_MOST]
            if named.startswith(NAMES):
                return Match.YES
            return Match.MORE if any(name.startswith(named) for name in NAMES) else Match.NO
    return Match.NO
