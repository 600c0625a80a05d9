"""REST: vehicles, their last positions and their tracks. docs/rest.md is its page."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from aiohttp import web

from tracker.errors import NotFoundError, RequestError
from tracker.model import DeviceStatus, Live, Position, State, Vehicle
from tracker.storage.base import Store
from tracker.web.auth import require_admin
from tracker.web.bodies import json_object
from tracker.web.history_stream import send
from tracker.web.keys import REGISTRY, STORE, WORLD
from tracker.web.shapes import (
    bounding_box,
    matches,
    moment,
    stored_shape,
    vehicle_shape,
    whole_number,
)
from tracker.world import World

VEHICLES_PAGE, VEHICLES_MAX = 5_000, 20_000  # 20,000 are 8 MB; a page of the list needs far fewer
POSITIONS_PAGE, POSITIONS_MAX = 1_000, 10_000
MAX_BODY_FIELDS = {"name": 80, "group": 200, "datum": 5}
_NDJSON = "application/x-ndjson"
_DAY_S = 86_400.0
_STATUSES = {status.value for status in DeviceStatus}
_STATES = {state.label for state in State} | {"pending"}


def _json(data: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")


def _shown(world: World, vehicle: Vehicle) -> dict[str, Any]:
    slot = world.slots.get(vehicle.id)
    if slot is None:  # waits for admission: it is in the registry only
        return vehicle_shape(vehicle, Live(vehicle.id), State.OFFLINE, 0.0)
    return vehicle_shape(vehicle, world.lives[slot], *world.state_of(slot))


def _selected(request: web.Request) -> Iterator[Vehicle]:
    """The vehicles that the filters of a request leave, in order of id."""
    query, world, registry = request.query, request.app[WORLD], request.app[REGISTRY]
    state = query.get("state")
    if state is not None and state not in _STATES:
        raise RequestError(f"state: must be one of {', '.join(sorted(_STATES))}", value=state)
    box = bounding_box(query)
    device = query.get("device")
    if device is not None:
        found = registry.find(device)
        vehicles = [] if found is None else [found]
    else:
        vehicles = sorted(registry.vehicles.values(), key=lambda vehicle: vehicle.id)
    for vehicle in vehicles:
        if "q" in query and not matches(vehicle, query["q"]):
            continue
        if query.get("group") and not f"{vehicle.group}/".startswith(f"{query['group']}/"):
            continue
        if "fleet" in query and vehicle.fleet != query["fleet"]:
            continue
        if state is not None and _state_label(world, vehicle) != state:
            continue
        if box is not None and not _inside(world, vehicle, box):
            continue
        yield vehicle


def _state_label(world: World, vehicle: Vehicle) -> str:
    if vehicle.status is DeviceStatus.PENDING:
        return "pending"
    slot = world.slots.get(vehicle.id)
    return (State.OFFLINE if slot is None else world.state_of(slot)[0]).label


def _inside(world: World, vehicle: Vehicle, box: tuple[float, float, float, float]) -> bool:
    slot = world.slots.get(vehicle.id)
    position = None if slot is None else world.lives[slot].position
    if position is None:
        return False
    west, south, east, north = box
    lon = position.fix.lon
    across = lon >= west or lon <= east if west > east else west <= lon <= east
    return across and south <= position.fix.lat <= north


async def list_vehicles(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles: filtered, a page at a time, in order of id."""
    limit = whole_number(request.query, "limit", VEHICLES_PAGE, 1, VEHICLES_MAX)
    after = request.query.get("after", "")
    world = request.app[WORLD]
    selected = list(_selected(request))
    page = [vehicle for vehicle in selected if vehicle.id > after][: limit + 1]
    more = len(page) > limit
    page = page[:limit]
    return _json(
        {
            "vehicles": [_shown(world, vehicle) for vehicle in page],
            "total": len(selected),
            "next": page[-1].id if more else None,
        }
    )


def _vehicle(request: web.Request) -> Vehicle:
    id_ = request.match_info["id"]
    vehicle = request.app[REGISTRY].vehicles.get(id_)
    if vehicle is None:
        raise NotFoundError(f"no vehicle {id_}", value=id_)
    return vehicle


async def get_vehicle(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}."""
    return _json(_shown(request.app[WORLD], _vehicle(request)))


async def change_vehicle(request: web.Request) -> web.Response:
    """PATCH /api/v1/vehicles/{id}: its name, group, status, clock and datum."""
    require_admin(request)
    vehicle = _vehicle(request)
    body = json_object(await request.read())
    changed = request.app[REGISTRY].change(vehicle.id, **_changes(body))
    return _json(_shown(request.app[WORLD], changed))


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a PATCH, checked. Raises RequestError."""
    fields: dict[str, Any] = {}
    for key, value in body.items():
        if key in MAX_BODY_FIELDS:
            limit = MAX_BODY_FIELDS[key]
            if not isinstance(value, str) or len(value) > limit or not value.isprintable():
                raise RequestError(f"{key}: must be printable text of at most {limit}")
            fields[key] = value.strip()
            if key == "group":
                fields[key] = "/".join(part.strip() for part in value.split("/") if part.strip())
        elif key == "status":
            if not isinstance(value, str) or value not in _STATUSES:
                raise RequestError("status: must be active or pending", value=value)
            fields[key] = DeviceStatus(value)
        elif key == "utc_offset_s":
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and abs(value) <= 14 * 3600):
                raise RequestError("utc_offset_s: must be null or within ±50400", value=value)
            fields[key] = value
        else:
            raise RequestError(f"{key}: cannot be changed", value=key)
    if not fields.get("name", "x"):
        raise RequestError("name: must not be empty")
    if fields.get("datum", "wgs84") not in ("wgs84", "gcj02", "bd09"):
        raise RequestError("datum: must be wgs84, gcj02 or bd09", value=fields["datum"])
    return fields


async def list_positions(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/vehicles/{id}/positions: the stored track, paged, or streamed as NDJSON."""
    vehicle = _vehicle(request)
    now = time.time()
    to_time = moment(request.query, "to", now + _DAY_S)
    from_time = moment(request.query, "from", min(to_time, now) - _DAY_S)
    if from_time > to_time:
        raise RequestError("from: must not be after to")
    if _NDJSON in request.headers.get("Accept", ""):
        lines = _lines(request.app[STORE], vehicle, from_time, to_time)
        return await send(request, {"Content-Type": _NDJSON}, lines)
    limit = whole_number(request.query, "limit", POSITIONS_PAGE, 1, POSITIONS_MAX)
    after = _cursor(request.query.get("after"))
    page = await request.app[STORE].positions(
        vehicle.id, from_time, to_time, after=after, limit=limit + 1
    )
    more = len(page) > limit
    page = page[:limit]
    return _json(
        {
            "vehicle": vehicle.id,
            "positions": [stored_shape(position) for position in page],
            "next": _cursor_text(page[-1]) if more else None,
        }
    )


def _cursor_text(position: Position) -> str:
    time_s, sequence = position.order
    return f"{time_s!r}_{sequence}"


def _cursor(text: str | None) -> tuple[float, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9]{1,18})", text)
    if found is None:
        raise RequestError("after: must be the `next` of an earlier answer", value=text)
    return float(found[1]), int(found[2])


async def _lines(
    store: Store, vehicle: Vehicle, from_time: float, to_time: float
) -> AsyncIterator[bytes]:
    """A whole track, a line a position, a page in memory at a time."""
    async for page in store.stream(vehicle.id, from_time, to_time):
        yield b"".join(orjson.dumps(stored_shape(position)) + b"\n" for position in page)
