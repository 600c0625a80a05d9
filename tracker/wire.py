"""The live feed's bytes: the shape of every message, and the WebSocket frames that carry them.

docs/live-feed.md is the contract. A message is a join of pieces: a head, parts, a tail. A piece is
encoded once and deflated once, by a raw-deflate object of its own ended by a sync flush, and then
shared by every viewer who needs it. Independently deflated pieces may stand one behind the other in
one permessage-deflate message (RFC 7692 section 7.2.3.5 allows several deflate blocks; none refers
back beyond its own start), so nothing is compressed per viewer.

All data frames of a connection must come from here: a sender with a compressor of its own on the
same socket would refer back to bytes that this one never sent through it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from isal import isal_zlib

from tracker.geo import IntArray
from tracker.model import Event, EventKind, State
from tracker.world import Changes, World

VERSION = 1
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_SYNC_END = b"\x00\x00\xff\xff"  # what a sync flush ends with; the last one is left out on the wire
_WINDOW_BITS = -15  # raw deflate; 32 KiB is what a client without server_max_window_bits accepts
_LEVEL = 1  # isal's levels differ by 2 % in size here and by half in time

_FIN_TEXT = 0x81
_RSV1 = 0x40


def deflate(data: bytes) -> bytes:
    """Raw deflate ended by a sync flush: byte-aligned, can be joined with others."""
    squeezer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _WINDOW_BITS)
    squeezed: bytes = squeezer.compress(data) + squeezer.flush(isal_zlib.Z_SYNC_FLUSH)
    return squeezed


class Piece:
    """Bytes that many viewers share, deflated when the first one asks for it."""

    __slots__ = ("_deflated", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._deflated: bytes | None = None

    @property
    def deflated(self) -> bytes:
        """The same bytes, deflated once."""
        if self._deflated is None:
            self._deflated = deflate(self.plain)
        return self._deflated


TAIL = Piece(b"]}")


def frame(pieces: Iterable[Piece], *, deflated: bool) -> bytes:
    """One whole WebSocket text frame, ready for the socket (RFC 6455 section 5.2, no mask)."""
    if deflated:
        payload = b"".join([piece.deflated for piece in pieces])
        payload = payload[: -len(_SYNC_END)]
        first = _FIN_TEXT | _RSV1
    else:
        payload = b"".join([piece.plain for piece in pieces])
        first = _FIN_TEXT
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def hello(
    *, node: str, epoch: str, now: float, interval_s: float, behind: int, close_after_s: float
) -> Piece:
    """The first message of a connection."""
    message = {
        "type": "hello",
        "version": VERSION,
        "node": node,
        "epoch": epoch,
        "time_ms": round(now * 1000),
        "tick_interval_ms": round(interval_s * 1000),
        "states": [state.label for state in State],
        "behind_after_ticks": behind,
        "close_after_s": close_after_s,
    }
    return Piece(orjson.dumps(message))


def head(tick: int, *, time_ms: int, degraded: bool, conflated: int, counts: list[int]) -> Piece:
    """The start of a tick message up to its first part, `status`. Parts follow, then TAIL."""
    status = {
        "kind": "status",
        "time_ms": time_ms,
        "feed": "degraded" if degraded else "live",
        "conflated": conflated,
        "counts": counts,
    }
    return Piece(b'{"type":"tick","tick":%d,"parts":[%b' % (tick, orjson.dumps(status)))


def part(content: dict[str, Any]) -> Piece:
    """Any part behind the first."""
    return Piece(b"," + orjson.dumps(content, option=_OPTIONS))


def view_part(cells: Sequence[str], groups: Sequence[str], *, reset: bool) -> Piece:
    """The complete view. With `reset` a full message follows, else what is known of it stays."""
    return part({"kind": "view", "reset": reset, "cells": cells, "groups": groups})


def error_part(code: str, detail: str) -> Piece:
    """A client's message was not understood."""
    return part({"kind": "error", "code": code, "detail": detail})


def events_part(events: Sequence[Event]) -> Piece:
    """What happened once."""
    return part({"kind": "events", "events": [_event(event) for event in events]})


def _event(event: Event) -> dict[str, Any]:
    if event.kind is EventKind.COMMAND:
        return _command(event)
    return {
        "id": event.id,
        "event": event.kind.value,
        "vehicle": event.vehicle_id,
        "name": event.name,
        "time_ms": round(event.time * 1000),
        "lat": None if event.lat is None else round(event.lat * 1e6),
        "lon": None if event.lon is None else round(event.lon * 1e6),
    }


def _command(event: Event) -> dict[str, Any]:
    """One transition of a command."""
    return {
        "id": event.id,
        "event": event.kind.value,
        "vehicle": event.vehicle_id,
        "command": event.command,
        "state": event.state,
        "reply": event.reply,
        "detail": event.detail or None,
        "time_ms": round(event.time * 1000),
    } | dict(kind=event.name)  # noqa: C408 - as a display it would look like the kind of a part


def handles(slots: IntArray) -> IntArray:
    """Ascending slots as handles (slot + 1), each as the difference to the one before."""
    differences = slots + 1
    differences[1:] = slots[1:] - slots[:-1]
    return differences


def enter_columns(world: World, slots: IntArray, tick_ms: int) -> dict[str, Any]:
    """Absolute values, with the static data."""
    vehicles = [world.vehicles[slot] for slot in slots.tolist()]
    return {
        "n": handles(slots),
        "id": [vehicle.id for vehicle in vehicles],
        "name": [vehicle.name for vehicle in vehicles],
        "device": [vehicle.device for vehicle in vehicles],
        "lat": world.lat[slots],
        "lon": world.lon[slots],
        "speed": world.speed[slots],
        "course": world.course[slots],
        "age": tick_ms - world.fix_ms[slots],
    } | _state_columns(world, slots, tick_ms)


def move_columns(world: World, changes: Changes, rows: IntArray) -> dict[str, Any]:
    """Differences to what a viewer holds; speed and course as they are."""
    slots = changes.moved[rows]
    return {
        "n": handles(slots),
        "lat": changes.d_lat[rows],
        "lon": changes.d_lon[rows],
        "fix": changes.d_fix_ms[rows],
        "speed": world.speed[slots],
        "course": world.course[slots],
    }


def state_columns(world: World, slots: IntArray, tick_ms: int) -> dict[str, Any]:
    """States and flags of vehicles that a viewer knows."""
    return {"n": handles(slots)} | _state_columns(world, slots, tick_ms)


def _state_columns(world: World, slots: IntArray, tick_ms: int) -> dict[str, Any]:
    return {
        "state": world.state[slots],
        "since": tick_ms - world.since_ms[slots],
        "flags": world.shown_flags[slots],
    }


class ClientMessageError(ValueError):
    """A viewer's message is not what docs/live-feed.md allows; the text says where."""


def parse_client(text: str | bytes) -> dict[str, Any]:
    """A viewer's message with its values checked. Raises ClientMessageError."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise ClientMessageError(f"not JSON: {exc}") from None
    if not isinstance(message, dict):
        raise ClientMessageError("not a JSON object")
    kind = message.get("type")
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise ClientMessageError("type: must be ack, view or rate")
    check(message)
    return message


def _check_ack(message: dict[str, Any]) -> None:
    if not _whole(message.get("tick")):
        raise ClientMessageError("ack.tick: must be a whole number")


def _check_view(message: dict[str, Any]) -> None:
    box = message.get("bbox")
    if box is None and "bbox" in message:
        return
    if not isinstance(box, list) or len(box) != 4 or not all(map(_number, box)):
        raise ClientMessageError("view.bbox: must be [west, south, east, north] or null")
    west, south, east, north = box
    for name, value, limit in (
        ("west", west, 180), ("south", south, 90), ("east", east, 180), ("north", north, 90),
    ):  # fmt: skip
        if not -limit <= value <= limit:
            raise ClientMessageError(f"view.bbox: {name} must lie within -{limit}..{limit}")
    if south > north:
        raise ClientMessageError("view.bbox: south must not be above north")
    zoom = message.get("zoom")
    if zoom is not None and not (_number(zoom) and 0 <= zoom <= 24):
        raise ClientMessageError("view.zoom: must lie within 0..24")


def _check_rate(message: dict[str, Any]) -> None:
    every = message.get("every")
    if not isinstance(every, int) or isinstance(every, bool) or not 1 <= every <= 60:
        raise ClientMessageError("rate.every: must be a whole number within 1..60")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS = {"ack": _check_ack, "view": _check_view, "rate": _check_rate}
