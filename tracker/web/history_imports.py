"""REST: tracks in from files, and the erasing of a history. docs/history.md is its page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from tracker.errors import RequestError, StoreError
from tracker.history.imports import CONTENT_TYPES, READERS, Reader
from tracker.history.imports.batch import Account, place_of
from tracker.history.imports.points import RawPoint
from tracker.journal import Journal
from tracker.model import Position
from tracker.storage import areas
from tracker.web.auth import require_admin
from tracker.web.history_query import vehicle_of
from tracker.web.history_stream import answer
from tracker.web.keys import CONFIG, JOURNAL, STORE
from tracker.web.middleware import UNREADABLE, problem
from tracker.web.shapes import rfc3339

MAX_BYTES = 64 << 20  # of a body: a day at 1 Hz in GPX with all extensions has 30 MB
MAX_POINTS = 250_000  # likewise 86,400
READ_BYTES = 8_192  # parsed before the event loop has its turn: about 1 ms
BATCH_POINTS = 500  # in the journal at one time
SETTLED_CHECK_S = 0.02  # the journal's own pace


async def import_track(request: web.Request) -> web.Response:
    """POST /api/v1/vehicles/{id}/positions: a GPX or CSV track into a vehicle's history."""
    require_admin(request)
    vehicle = vehicle_of(request)
    name = CONTENT_TYPES.get(request.content_type)
    if name is None:
        raise web.HTTPUnsupportedMediaType(
            text="Content-Type: must be application/gpx+xml or text/csv,"
            f" not {request.content_type}"
        )
    now = time.time()
    latest = now + request.app[CONFIG].clock_ahead_s
    account = Account(vehicle.id, now, latest, sequence=int(now * 1e6))
    try:
        async for points in _points(request, READERS[name]()):
            await _store(request, account, points)
    except RequestError as exc:
        return problem(exc.status, exc.code, exc.message, **_account_shape(account))
    except web.RequestPayloadError:
        return problem(400, RequestError.code, UNREADABLE, **_account_shape(account))
    except ConnectionError:  # gone in the middle; the same file again goes on from there
        return web.Response(status=400)
    return answer(_account_shape(account))


async def _points(request: web.Request, reader: Reader) -> AsyncIterator[list[RawPoint]]:
    """The points of a body in batches. Raises RequestError for what is no track, or too long."""
    size = count = 0
    batch: list[RawPoint] = []
    async for data in request.content.iter_chunked(READ_BYTES):
        size += len(data)
        if size > MAX_BYTES:
            raise RequestError(f"the body has more than {MAX_BYTES} bytes: import it in parts")
        batch += reader.feed(data)
        if len(batch) >= BATCH_POINTS:
            count += len(batch)
            yield batch
            batch = []
        if count > MAX_POINTS:
            raise RequestError(f"more than {MAX_POINTS} points: import them in parts")
        await asyncio.sleep(0)
    yield batch + reader.close()


async def _store(request: web.Request, account: Account, points: list[RawPoint]) -> None:
    """A batch into the journal, without what is stored already; on disk on return."""
    fixes = account.fixes(points)
    if not fixes:
        return
    await asyncio.sleep(0)
    times = sorted({place_of(fix)[0] for fix in fixes})
    known = await areas.places_at(request.app[STORE], account.vehicle_id, times)
    positions = account.positions(fixes, known)
    await _durable(request.app[JOURNAL], positions)
    account.imported += len(positions)


async def _durable(journal: Journal, positions: list[Position]) -> None:
    """Append when the journal has room, and wait until everything is on disk."""
    loop = asyncio.get_running_loop()
    room, done = loop.create_future(), loop.create_future()
    journal.on_drained(lambda: _finish(room))
    await room
    journal.append(positions).add_callback(lambda: _finish(done))
    await done


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():  # it is where the request has been given up
        future.set_result(None)


def _account_shape(account: Account) -> dict[str, Any]:
    return {
        "vehicle": account.vehicle_id,
        "points": account.points,
        "imported": account.imported,
        "duplicates": account.duplicates,
        "rejected": account.rejected,
        "first_time": rfc3339(account.first_time),
        "last_time": rfc3339(account.last_time),
        "errors": account.errors,
    }


async def erase_history(request: web.Request) -> web.Response:
    """DELETE /api/v1/vehicles/{id}/positions: everything that is stored of a vehicle's way."""
    require_admin(request)
    vehicle = vehicle_of(request)
    await _settled(request.app[JOURNAL])
    erased = await request.app[STORE].erase(vehicle.id)
    return answer({"vehicle": vehicle.id, "erased": erased})


async def _settled(journal: Journal) -> None:
    """Wait until what was appended up to now is on disk, where it can be erased.

    Raises StoreError where the disk takes nothing now.
    """
    upto = journal.committed_positions + journal.pending
    while journal.committed_positions < upto:
        if journal.failing_since is not None:
            raise StoreError("the journal cannot be written now, so what waits cannot be erased")
        await asyncio.sleep(SETTLED_CHECK_S)
