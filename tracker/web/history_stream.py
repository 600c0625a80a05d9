"""How history leaves: out of the store page by page, and to the client as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web

from tracker.errors import TrackerError
from tracker.model import Position
from tracker.storage import areas
from tracker.storage.base import Store

FAR_TIME = 253_402_300_799.0  # the last second of the year 9999, the last that RFC 3339 can say
SLICE_POSITIONS = 250  # worked on before the event loop has its turn: 1 to 3 ms
_AFTER = 20  # positions looked at behind a window for one that is valid
_COMPRESSED_BYTES = 4_096  # smaller answers fit into the first packets as they are

_log = structlog.get_logger(__name__)


async def around(
    store: Store, vehicle_id: str, from_time: float, to_time: float, lead_s: float
) -> AsyncIterator[list[Position]]:
    """A window with `lead_s` more at either end, and the nearest valid position beyond each.

    What happens at the ends of a window, and whether a silence there is a gap, shows only so.
    """
    before = await areas.newest_before(store, vehicle_id, from_time - lead_s)
    if before is not None:
        yield [before]
    end = to_time + lead_s
    async for page in store.stream(vehicle_id, from_time - lead_s, end):
        for start in range(0, len(page), SLICE_POSITIONS):
            yield page[start : start + SLICE_POSITIONS]
            await asyncio.sleep(0)
    for position in await store.positions(vehicle_id, end + 1e-6, FAR_TIME, limit=_AFTER):
        if position.fix.valid:
            yield [position]
            break


def answer(data: Any) -> web.Response:
    """Data as JSON."""
    return json_answer(orjson.dumps(data))


def json_answer(body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON, compressed where the client takes it and it is worth it."""
    response = web.Response(body=body, content_type="application/json", headers=headers)
    if len(body) > _COMPRESSED_BYTES:
        response.enable_compression()
    return response


async def send(
    request: web.Request, headers: Mapping[str, str], chunks: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Chunks as they come; the client's pace is ours.

    What goes wrong before the first chunk is an answer like any other. Afterwards the connection is
    cut, because an end that looks whole would be a lie.
    """
    first = await anext(chunks, b"")
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except TrackerError as exc:
        _log.warning("history.cut_off", path=request.path, error=exc.message)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:  # the client has gone; nobody is left to be told
        _log.debug("history.client_gone", path=request.path)
    return response


def is_gone(request: web.Request) -> bool:
    """Whether the client has closed its connection."""
    return request.transport is None or request.transport.is_closing()
