"""What tests of the history's REST have in common: reporting, asking, sending files."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from tests.inprocess import InProcess
from tests.unit.history.drives import Drive
from tests.waiting import PATIENCE_S
from tracker.model import Fix
from tracker.web import keys

HOUR = 3_600.0


async def report(tracker: InProcess, device: str, fixes: list[Fix]) -> str:
    """Fixes of a device, on disk; the vehicle's id."""
    now = time.time()
    vehicle = tracker.app[keys.REGISTRY].identify(device, "gt06", now)
    assert vehicle is not None
    positions = tracker.app[keys.INGEST].accept(vehicle, fixes, now)
    journal, done = tracker.app[keys.JOURNAL], asyncio.Event()
    journal.append(positions).add_callback(done.set)
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    return vehicle.id


async def settle(tracker: InProcess, place: str) -> None:
    if place == "history":
        await tracker.app[keys.STORE].drain()


def morning() -> float:
    """A whole ten minutes about two days ago."""
    return (time.time() - 48 * HOUR) // 600 * 600


def day() -> Drive:
    """A stop, a trip of an hour, a stop."""
    drive = Drive(time=morning()).stand(1_200, ignition=True)
    drive.go(72, 1_800, 60, ignition=True).go(72, 1_800, 150, ignition=True)
    return drive.stand(1_200, ignition=False)


def window(drive: Drive) -> dict[str, str]:
    return window_of(drive.fixes)


def window_of(fixes: list[Fix]) -> dict[str, str]:
    return {"from": str(fixes[0].fix_time), "to": str(fixes[-1].fix_time)}


async def problem(tracker: InProcess, path: str, **options: Any) -> tuple[int, str]:
    """(status, detail) of an answer that must be a problem document."""
    method = options.pop("method", "GET")
    async with tracker.session.request(method, tracker.url + path, **options) as response:
        assert response.content_type == "application/problem+json", await response.text()
        data = orjson.loads(await response.read())
        assert data["status"] == response.status
        return response.status, data["detail"]


async def fetch(tracker: InProcess, path: str, **params: str) -> tuple[bytes, Any]:
    async with tracker.session.get(tracker.url + path, params=params) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read(), answer.headers


async def upload(tracker: InProcess, id_: str, data: bytes, kind: str) -> tuple[int, Any]:
    url = f"{tracker.url}/api/v1/vehicles/{id_}/positions"
    async with tracker.session.post(url, data=data, headers={"Content-Type": kind}) as answer:
        return answer.status, orjson.loads(await answer.read())
