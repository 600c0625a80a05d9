"""REST: tracks out as files. docs/history.md is its page."""

from __future__ import annotations

import asyncio
import re
import tempfile
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from tracker.errors import NotFoundError, RequestError
from tracker.history.exports import FORMATS, Format, xlsx
from tracker.history.exports.text import utc
from tracker.history.track import Part, Parts, Whole
from tracker.history.track import parts as track_parts
from tracker.model import Vehicle
from tracker.web.history_query import DAY_S, gap_of, tolerance_of, vehicle_of, window
from tracker.web.history_stream import SLICE_POSITIONS, is_gone, send
from tracker.web.keys import STORE

READ_BYTES = 262_144  # of a finished workbook at a time
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')  # in a file's name, on any system


async def export_track(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/vehicles/{id}/positions.{format}: the track as a file."""
    vehicle, name = vehicle_of(request), request.match_info["format"]
    from_time, to_time = window(request.query, ahead_s=DAY_S)
    headers = {"Content-Disposition": _attachment(vehicle, from_time, to_time, name)}
    if name == "xlsx":
        parts = _parts(request, vehicle, (from_time, to_time), drawn=False)
        return await _send_xlsx(request, vehicle, headers, parts)
    form = _format(name, request.query.get("features"))
    parts = _parts(request, vehicle, (from_time, to_time), drawn=form.drawn)
    headers["Content-Type"] = form.content_type
    return await send(request, headers, _written(form, vehicle, parts))


def _format(name: str, features: str | None) -> Format:
    if name not in ("gpx", "csv", "geojson", "kml"):
        raise NotFoundError(
            f"no format {name}: there are gpx, csv, geojson, kml and xlsx", value=name
        )
    if features is not None and (name != "geojson" or features not in ("lines", "points")):
        raise RequestError("features: must be lines or points, and is for geojson", value=features)
    return FORMATS["geojson-points" if features == "points" else name]


async def _parts(
    request: web.Request, vehicle: Vehicle, span: tuple[float, float], *, drawn: bool
) -> AsyncIterator[Part]:
    """The track in small parts; thinned where a tolerance is given."""
    tolerance_m, gap_s = tolerance_of(request.query, 0.0), gap_of(request.query)
    maker: Parts = Whole()
    if tolerance_m or drawn:
        maker = track_parts(tolerance_m=tolerance_m, gap_s=gap_s)
    async for page in request.app[STORE].stream(vehicle.id, *span):
        for part in await asyncio.to_thread(maker.add, page):
            async for piece in _slices(part):
                yield piece
    for part in await asyncio.to_thread(maker.end):
        async for piece in _slices(part):
            yield piece


async def _slices(part: Part) -> AsyncIterator[Part]:
    for start in range(0, len(part.positions), SLICE_POSITIONS):
        positions = part.positions[start : start + SLICE_POSITIONS]
        yield Part(positions, part.opens and start == 0)
        await asyncio.sleep(0)


async def _written(
    form: Format, vehicle: Vehicle, parts: AsyncIterator[Part]
) -> AsyncIterator[bytes]:
    """A file as it grows; nothing of it before the store has answered."""
    writer = form.writer(vehicle)
    waiting = writer.begin()
    async for part in parts:
        waiting += writer.add(part)
        if waiting:
            yield waiting
        waiting = b""
    yield waiting + writer.end()


async def _send_xlsx(
    request: web.Request, vehicle: Vehicle, headers: dict[str, str], parts: AsyncIterator[Part]
) -> web.StreamResponse:
    """A workbook cannot be sent before it is whole: it is written to a folder that goes again."""
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="tracker-xlsx-")
    try:
        path = Path(folder.name) / "positions.xlsx"
        book = await asyncio.to_thread(xlsx.XlsxFile, path, vehicle.name)
        try:
            async for part in parts:
                await asyncio.to_thread(book.add, list(part.positions))
                if is_gone(request):
                    return web.Response()
        finally:
            await asyncio.to_thread(book.close)
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        headers |= {"Content-Type": xlsx.CONTENT_TYPE, "Content-Length": str(size)}
        return await send(request, headers, _content(path))
    finally:
        await asyncio.to_thread(folder.cleanup)


async def _content(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while data := await asyncio.to_thread(file.read, READ_BYTES):
            yield data
    finally:
        await asyncio.to_thread(file.close)


def _attachment(vehicle: Vehicle, from_time: float, to_time: float, suffix: str) -> str:
    """A Content-Disposition as RFC 6266 has it: a plain name, and the real one in UTF-8."""
    days = dict.fromkeys((utc(from_time)[:10], utc(to_time)[:10]))
    name = f"{vehicle.name} {' '.join(days)}.{suffix}"
    name = " ".join(_UNSAFE.sub(" ", name).split())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = " ".join(plain.split())
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
