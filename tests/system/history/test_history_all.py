"""REST of the history: what is refused, and all of it over each store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from tests.devices import Device
from tests.inprocess import InProcess, running_tracker
from tests.system.history.asking import (
    day,
    fetch,
    problem,
    report,
    upload,
    window,
)
from tracker import lifecycle
from tracker.model import Fix
from tracker.web import keys

# -- what is refused -------------------------------------------------------------------------------

WRONG = [
    ("vehicles/{id}/trips?from=yesterday", 400, "from: must be a time"),
    ("vehicles/{id}/trips?from=10&to=5", 400, "from: must not be after to"),
    ("vehicles/{id}/trips?from=0", 400, "from: must be at most 92 days before to"),
    ("vehicles/{id}/trips?stop_s=1", 400, "stop_s: must be a number within 10..86400"),
    ("vehicles/{id}/stops?stop_radius_m=nan", 400, "stop_radius_m: must be a number"),
    ("vehicles/{id}/timeline?ignition=maybe", 400, "ignition: must be use or ignore"),
    ("vehicles/{id}/track?tolerance_m=-1", 400, "tolerance_m: must be a number within 0..100000"),
    ("vehicles/{id}/track?gap_s=0", 400, "gap_s: must be a number within 1..86400"),
    ("vehicles/{id}/summary?tz=Mars/Olympus", 400, "tz: must be the name of a time zone"),
    ("vehicles/{id}/summary?tz=../../etc/passwd", 400, "tz: must be the name of a time zone"),
    ("vehicles/{id}/summary?from=2026-02-30", 400, "from: must be a date"),
    ("vehicles/{id}/summary?from=2025-01-01&to=2025-12-31", 400, "from: must be less than 92 days"),
    ("vehicles/{id}/summary?from=2025-01-02&to=2025-01-01", 400, "from: must not be after to"),
    ("vehicles/{id}/playback?from=0", 400, "from: must be at most 31 days before to"),
    (
        "vehicles/{id}/positions.pdf",
        404,
        "no format pdf: there are gpx, csv, geojson, kml and xlsx",
    ),
    ("vehicles/{id}/positions.gpx?features=points", 400, "features: must be lines or points"),
    ("vehicles/nobody/positions.gpx", 404, "no vehicle nobody"),
    ("vehicles/nobody/trips", 404, "no vehicle nobody"),
    ("vehicles/nobody/track", 404, "no vehicle nobody"),
    ("vehicles/nobody/summary", 404, "no vehicle nobody"),
    ("vehicles/nobody/playback", 404, "no vehicle nobody"),
    ("playback/x?vehicles={id}", 400, "block: must be floor(Unix time / 600)"),
    ("playback/99999999?vehicles={id}", 400, "block: must be floor(Unix time / 600)"),
    ("playback/2900000", 400, "vehicles or bbox: exactly one"),
    ("playback/2900000?vehicles={id}&bbox=1,2,3,4", 400, "vehicles or bbox: exactly one"),
    ("playback/2900000?vehicles=", 400, "vehicles: must be 1 to 200 ids"),
    ("playback/2900000?vehicles=nobody", 404, "no vehicle nobody"),
    ("playback/2900000?vehicles={id}&step_s=601", 400, "step_s: must be a whole number"),
    ("playback/2900000?vehicles={id}&before=1", 400, "before: must be true or false"),
    ("playback/2900000?bbox=1,2,3", 400, "bbox: must be west,south,east,north"),
    ("passages", 400, "bbox, circle or polygon: exactly one"),
    ("passages?circle=1,2", 400, "circle: must be lat,lon,radius_m"),
    ("passages?circle=1,2,nan", 400, "circle: the radius"),
    ("passages?polygon=x", 400, "polygon: is not JSON"),
    ("passages?polygon=[]", 400, "area: must be a GeoJSON Polygon"),
    ("passages?bbox=1,2,3,4&from=0", 400, "from: must be at most 7 days before to"),
    ("passages?bbox=1,2,3,4&limit=0", 400, "limit: must be a whole number"),
]


async def test_what_is_wrong_with_a_request_is_said_exactly(tracker: InProcess) -> None:
    id_ = await report(tracker, "1001", [Fix(time.time(), 1, 2)])
    for path, status, said in WRONG:
        found = await problem(tracker, "/api/v1/" + path.format(id=id_))
        assert found[0] == status, path
        assert said in found[1], path
    for body, said in ((b"{", "the body is not JSON"), (b"[]", "the body must be a JSON object")):
        status, detail = await problem(tracker, "/api/v1/passages", method="POST", data=body)
        assert status == 400
        assert said in detail


async def test_a_real_device_leaves_a_track(tracker: InProcess) -> None:
    port = tracker.app[keys.GATEWAY].port
    device = await Device.connect(port, "356307042441013")
    start = int(time.time()) - 900
    for n in range(60):
        await device.report(start + n * 10, 46.05, 14.5 + n * 0.002, speed_kmh=55.0)
    await device.close()
    found = await tracker.get("/api/v1/vehicles", params={"device": "356307042441013"})
    id_ = found["vehicles"][0]["id"]
    [trip] = (await tracker.get(f"/api/v1/vehicles/{id_}/trips"))["trips"]
    assert trip["distance_m"] == pytest.approx(59 * 0.002 * 77_400, rel=0.01)
    data, _ = await fetch(tracker, f"/api/v1/vehicles/{id_}/positions.gpx")
    assert data.count(b"<trkpt") == 60


# -- all of it -------------------------------------------------------------------------------------


async def ask_for_everything(tracker: InProcess) -> None:
    """Every address once, with answers that agree with each other."""
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    await tracker.app[keys.STORE].drain()
    span, path = window(drive), f"/api/v1/vehicles/{id_}"
    manifest = await tracker.get(f"{path}/playback", params=span)
    assert sum(sum(b["minutes"]) for b in manifest["blocks"]) == len(drive.fixes)
    block = manifest["blocks"][3]["block"]
    for asked in ({"vehicles": id_}, {"bbox": "0,0,90,90"}):
        data = await tracker.get(f"/api/v1/playback/{block}", params=asked)
        assert [vehicle["id"] for vehicle in data["vehicles"]] == [id_]
    [trip] = (await tracker.get(f"{path}/trips", params=span))["trips"]
    assert trip["distance_m"] == pytest.approx(72_000, rel=1e-3)
    summary = await tracker.get(f"{path}/summary", params={"tz": "Asia/Kathmandu"})
    assert summary["total"]["distance_m"] == pytest.approx(trip["distance_m"], abs=1)
    near = f"{drive.fixes[0].lat},{drive.fixes[0].lon},500"
    passed = await tracker.get("/api/v1/passages", params=span | {"circle": near})
    assert [vehicle["id"] for vehicle in passed["vehicles"]] == [id_]
    assert (await tracker.get(f"{path}/track", params=span))["points"] < 10
    for suffix in ("gpx", "csv", "geojson", "kml", "xlsx"):
        data, _ = await fetch(tracker, f"{path}/positions.{suffix}", **span)
        assert len(data) > 10_000
    data, _ = await fetch(tracker, f"{path}/positions.gpx", **span)
    other = await report(tracker, "1002", [])
    for imported in (len(drive.fixes), 0):
        _, account = await upload(tracker, other, data, "application/gpx+xml")
        assert account["imported"] == imported
        await tracker.app[keys.STORE].drain()
    url = f"{tracker.url}/api/v1/vehicles/{other}/positions"
    async with tracker.session.delete(url) as answer:
        assert (await answer.json())["erased"] == len(drive.fixes)


@pytest.mark.servers
async def test_all_of_it_over_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    async with running_tracker(tmp_path, tick_interval_s=60, store=postgresql_url) as tracker:
        await ask_for_everything(tracker)


async def test_none_of_it_blocks_the_event_loop(tracker: InProcess, tmp_path: Path) -> None:
    with blockbuster_ctx("tracker"):
        with pytest.raises(BlockingError):  # so the guard is awake
            lifecycle._make_folder(tmp_path)
        await ask_for_everything(tracker)
