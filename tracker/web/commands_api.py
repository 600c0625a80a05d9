"""REST: commands to the devices of vehicles. docs/commands.md is its page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tracker.commands import kinds, life
from tracker.commands.desk import CommandDesk
from tracker.commands.taking import Wish
from tracker.errors import NotFoundError, RequestError
from tracker.model import CommandKind, CommandRecord, CommandState, Transition
from tracker.storage import commands
from tracker.web.auth import require_admin
from tracker.web.bodies import json_object
from tracker.web.history_query import vehicle_of
from tracker.web.keys import COMMANDS, SENDER, STORE, TAKER
from tracker.web.shapes import rfc3339, whole_number

PAGE, PAGE_MOST = 50, 500
EXPIRES_MOST_S = 2_592_000  # 30 days: what is older was forgotten by whoever asked
KEY_MOST = 200  # characters of an Idempotency-Key
_KINDS = [kind.value for kind in CommandKind]
_FIELDS = {"kind", "parameters", "expires_s", "confirm", life.SPEED_UNKNOWN}


def _json(data: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")


def command_shape(record: CommandRecord) -> dict[str, Any]:
    """A command and what has become of it; times RFC 3339 UTC, null where there is none."""
    so_far = life.standing(record)
    # A hold is told by its transition: the command waits as any other that is queued.
    state = CommandState.QUEUED if so_far.state is CommandState.HELD else so_far.state
    return {
        "id": record.id,
        "vehicle": record.vehicle_id,
        "kind": record.kind.value,
        "parameters": life.asked(record),
        "speed_unknown": record.parameters.get(life.SPEED_UNKNOWN) is True,
        "state": state.value,
        "created_time": rfc3339(record.created_time),
        "expires_time": rfc3339(record.expires_time),
        "sent_time": rfc3339(so_far.sent_time),
        "ended_time": rfc3339(so_far.ended_time),
        "reply": so_far.reply,
        "detail": so_far.last.detail or None,
        "node": so_far.last.node,
        "transitions": [_transition_shape(one) for one in record.transitions],
    }


def _transition_shape(one: Transition) -> dict[str, Any]:
    return {
        "time": rfc3339(one.time),
        "state": one.state.value,
        "detail": one.detail or None,
        "node": one.node,
    }


async def create_command(request: web.Request) -> web.Response:
    """POST /api/v1/vehicles/{id}/commands: 201, or 200 for one that this key has made before."""
    require_admin(request)
    vehicle = vehicle_of(request)
    wish = _wish(await request.read(), request.headers.get("Idempotency-Key"))
    record, is_new = await request.app[TAKER].take(vehicle, wish)
    response = _json(command_shape(record), 201 if is_new else 200)
    response.headers["Location"] = f"/api/v1/commands/{record.id}"
    return response


def _wish(body: bytes, key: str | None) -> Wish:
    """What a request asks for. Raises RequestError."""
    asked = json_object(body)
    for name in asked.keys() - _FIELDS:
        raise RequestError(f"{name}: is not known", value=name)
    kind = asked.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise RequestError(f"kind: must be one of {', '.join(_KINDS)}", value=kind)
    parameters = asked.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError("parameters: must be a JSON object")
    confirm = asked.get("confirm")
    if confirm is not None and not isinstance(confirm, str):
        raise RequestError("confirm: must be text", value=confirm)
    if key is not None and not (1 <= len(key) <= KEY_MOST and key.isprintable()):
        raise RequestError(f"Idempotency-Key: must have 1 to {KEY_MOST} printable characters")
    word = asked.get(life.SPEED_UNKNOWN, False)
    if not isinstance(word, bool):
        raise RequestError("speed_unknown: must be true or false", value=word)
    if word and kind != CommandKind.ENGINE_CUT:
        raise RequestError(f"speed_unknown: is no word for {kind}", value=word)
    return Wish(CommandKind(kind), parameters, _expires_s(asked), confirm, key, word)


def _expires_s(asked: Mapping[str, Any]) -> float | None:
    seconds = asked.get("expires_s")
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or not 1 <= seconds <= EXPIRES_MOST_S:
        raise RequestError(f"expires_s: must be 1 to {EXPIRES_MOST_S} seconds", value=seconds)
    return float(seconds)


async def list_commands(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/commands: newest first, a page at a time."""
    vehicle = vehicle_of(request)
    limit = whole_number(request.query, "limit", PAGE, 1, PAGE_MOST)
    desk = request.app[COMMANDS]
    before = await _before(desk, vehicle.id, request.query.get("before"))
    stored = await commands.of_vehicle(request.app[STORE], vehicle.id, limit + 1, before)
    # What was just heard of may not be written yet, and what is written may have gone on since.
    found = {record.id: record for record in stored}
    for record in desk.table.of_vehicle(vehicle.id):
        if before is None or _age(record) < _age(before):
            found[record.id] = record
    page = sorted(found.values(), key=_age, reverse=True)
    more = len(page) > limit
    page = page[:limit]
    return _json(
        {
            "commands": [command_shape(record) for record in page],
            "next": page[-1].id if more else None,
        }
    )


def _age(record: CommandRecord) -> tuple[float, str]:
    return record.created_time, record.id


async def _before(desk: CommandDesk, vehicle_id: str, id_: str | None) -> CommandRecord | None:
    if id_ is None:
        return None
    record = await desk.find(id_)
    if record is None or record.vehicle_id != vehicle_id:
        raise RequestError("before: must be the `next` of an earlier answer", value=id_)
    return record


async def get_command(request: web.Request) -> web.Response:
    """GET /api/v1/commands/{id}."""
    id_ = request.match_info["id"]
    record = await request.app[COMMANDS].find(id_)
    if record is None:
        raise NotFoundError(f"no command {id_}", value=id_)
    return _json(command_shape(record))


async def cancel_command(request: web.Request) -> web.Response:
    """DELETE /api/v1/commands/{id}: takes back one that is not sent."""
    require_admin(request)
    return _json(command_shape(await request.app[TAKER].cancel(request.match_info["id"])))


async def list_kinds(request: web.Request) -> web.Response:
    """GET /api/v1/vehicles/{id}/command-kinds: what its device can be asked."""
    vehicle = vehicle_of(request)
    options, sender = request.app[TAKER].options, request.app[SENDER]
    found = kinds.describe(
        vehicle.protocol,
        vehicle.device,
        options,
        silent=sender.silent(vehicle.id),
        barred=lambda kind: sender.barred(vehicle.id, kind),
    )
    return _json({"kinds": found})


class CommandMetrics(Collector):
    """Reads the desk's counters."""

    def __init__(self, desk: CommandDesk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """Every number, as it is now."""
        desk = self._desk
        stats = desk.stats
        steps = CounterMetricFamily(
            "tracker_commands", "Steps of commands taken by this node", labels=["state"]
        )
        for state in CommandState:
            steps.add_metric([state.value], stats[state.value])
        yield steps
        still = GaugeMetricFamily("tracker_commands_open", "Open commands", labels=["state"])
        counts = desk.table.open_by_state()
        for state in CommandState:
            if state not in life.ENDS:
                still.add_metric([state.value], counts.get(state.value, 0))
        yield still
        yield GaugeMetricFamily("tracker_commands_unsaved", "Not written yet", len(desk.saver))
        for name, text, count in (
            ("replies_unmatched", "Replies to nothing that was asked", stats["unmatched"]),
            ("command_claims_lost", "Steps that another node took", stats["claims_lost"]),
            ("commands_overfull", "Told by others with no room", stats["overfull"]),
            ("commands_lost", "Never written for want of room", desk.saver.lost),
            ("command_sending_errors", "Sendings that broke off", stats["sending_errors"]),
            ("command_sweep_errors", "Sweeps that broke off", stats["sweep_errors"]),
        ):
            yield CounterMetricFamily(f"tracker_{name}", text, count)
