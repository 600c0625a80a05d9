"""REST for whoever looks after the devices: ports, damaged frames, and who was not understood.

All of it is the administrator's: first bytes of strangers hold identities, and sometimes passwords.
"""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from tracker.devices.ports import Port
from tracker.devices.strangers import Stranger
from tracker.protocols.registry import FAMILIES
from tracker.web.auth import require_admin
from tracker.web.keys import DATAGRAMS, GATEWAY, PORTS, REGISTRY
from tracker.web.shapes import rfc3339

FIRST_PRINTABLE, LAST_PRINTABLE = 0x20, 0x7E  # of ASCII; everything else is shown as a dot


def _json(data: object) -> web.Response:
    return web.Response(body=orjson.dumps(data), content_type="application/json")


def as_text(sample: bytes) -> str:
    """Bytes as ASCII with a dot for whatever cannot be printed: one character a byte."""
    return "".join(chr(b) if FIRST_PRINTABLE <= b <= LAST_PRINTABLE else "." for b in sample)


def stranger_shape(stranger: Stranger) -> dict[str, Any]:
    """One kind of first bytes that nobody understood."""
    return {
        "reason": stranger.why,
        "transport": stranger.transport,
        "port": stranger.port,
        "address": stranger.address,
        "first_time": rfc3339(stranger.first_time),
        "last_time": rfc3339(stranger.last_time),
        "count": stranger.count,
        "protocol": stranger.protocol or None,
        "nearest": stranger.guess.protocols,
        "mark": stranger.guess.mark or None,
        "hex": stranger.sample.hex(),
        "text": as_text(stranger.sample),
    }


def port_shape(port: Port) -> dict[str, Any]:
    """One port and what it is for; null: every protocol."""
    whole = len(port.families) == len(FAMILIES)
    return {
        "address": port.address,
        "protocols": None if whole else [family.name for family in port.families],
        "tls": port.tls,
        "udp": port.by_datagrams,
    }


async def get_devices(request: web.Request) -> web.Response:
    """GET /api/v1/devices: ports, connections, and frames by protocol, damaged ones by kind."""
    require_admin(request)
    app = request.app
    gateway, datagrams = app[GATEWAY], app[DATAGRAMS]
    damaged: dict[str, dict[str, int]] = {}
    for (protocol, kind), count in sorted(gateway.decode_errors.items()):
        damaged.setdefault(protocol, {})[kind] = count
    names = sorted({name for name, count in gateway.frames.items() if count} | set(damaged))
    return _json(
        {
            "ports": [port_shape(port) for port in app[PORTS]],
            "tls": gateway.certificates is not None,
            "connections": len(gateway.connections),
            "datagram_sources": len(datagrams.sources),
            "pending": app[REGISTRY].pending_count(),
            "protocols": [
                {
                    "protocol": name,
                    "messages": gateway.frames[name],
                    "damaged": damaged.get(name, {}),
                }
                for name in names
            ],
            "closed": dict(gateway.closed),
            "dropped": dict(datagrams.dropped),
        }
    )


async def list_unknown(request: web.Request) -> web.Response:
    """GET /api/v1/devices/unknown: the newest first."""
    require_admin(request)
    strangers = request.app[GATEWAY].strangers
    return _json(
        {
            "unknown": [stranger_shape(one) for one in reversed(list(strangers))],
            "limit": strangers.most,
            "forgotten": strangers.forgotten,
        }
    )


async def clear_unknown(request: web.Request) -> web.Response:
    """DELETE /api/v1/devices/unknown."""
    require_admin(request)
    return _json({"cleared": request.app[GATEWAY].strangers.clear()})
