"""REST over a running tracker: vehicles, tracks, errors, health, metrics, the page's files."""

from __future__ import annotations

import time

import orjson
import pytest

from tests.inprocess import InProcess, running_tracker
from tests.waiting import until
from tracker.model import Fix
from tracker.web import keys


async def report(tracker: InProcess, device: str, fixes: list[Fix]) -> str:
    """Fixes of a device, stored and shown; the vehicle's id."""
    now = time.time()
    vehicle = tracker.app[keys.REGISTRY].identify(device, "gt06", now)
    assert vehicle is not None
    positions = tracker.app[keys.INGEST].accept(vehicle, fixes, now)
    tracker.app[keys.JOURNAL].append(positions)
    await tracker.app[keys.TICKER].tick(time.time())
    return vehicle.id


@pytest.fixture
async def tracker(tmp_path):
    # One tick an hour: ticks are made by hand.
    async with running_tracker(tmp_path, tick_interval_s=60) as running:
        yield running


async def test_a_vehicle_has_what_the_contract_names(tracker):
    now = round(time.time(), 3)
    fix = Fix(now, 22.54, 114.059, 36.5, 90.0, 50.0, satellites=9, ignition=True)
    id_ = await report(tracker, "356307042441013", [fix])
    listed = await tracker.get("/api/v1/vehicles")
    assert listed["total"] == 1
    assert listed["next"] is None
    vehicle = listed["vehicles"][0]
    assert vehicle == await tracker.get(f"/api/v1/vehicles/{id_}")
    assert vehicle["id"] == id_
    assert vehicle["device"] == vehicle["name"] == "356307042441013"
    assert vehicle["state"] == "moving"
    position = vehicle["position"]
    assert (position["lat"], position["lon"]) == (22.54, 114.059)
    assert (position["speed_kmh"], position["course_deg"]) == (36.5, 90.0)
    assert (position["altitude_m"], position["satellites"]) == (50.0, 9)
    assert position["fix_time"].endswith("Z")
    assert len(position["received_time"]) == len("2026-03-01T00:00:00.000Z")


@pytest.mark.parametrize("asked", ["012345678901", "12345678901", " 012345678901 "])
async def test_a_device_is_found_with_and_without_its_padding(tracker, asked):
    await report(tracker, "012345678901", [Fix(time.time(), 1, 2)])
    await report(tracker, "100000000001", [Fix(time.time(), 1, 2)])
    found = await tracker.get("/api/v1/vehicles", params={"device": asked})
    assert [vehicle["device"] for vehicle in found["vehicles"]] == ["012345678901"]


async def test_filters_and_pages(tracker):
    now = time.time()
    for number in range(25):
        fix = Fix(now, 46 + number / 100, 14.5, 50.0 if number % 2 else 0.0, ignition=True)
        await report(tracker, f"1000000000000{number:02}", [fix])
    moving = await tracker.get("/api/v1/vehicles", params={"state": "moving"})
    assert moving["total"] == 12
    box = await tracker.get("/api/v1/vehicles", params={"bbox": "14,46.095,15,46.145"})
    assert [v["position"]["lat"] for v in box["vehicles"]] == pytest.approx(
        sorted((46.10, 46.11, 46.12, 46.13, 46.14), key=lambda _: 0), abs=1
    )
    assert {round(v["position"]["lat"], 2) for v in box["vehicles"]} == {
        46.10, 46.11, 46.12, 46.13, 46.14,
    }  # fmt: skip
    words = await tracker.get("/api/v1/vehicles", params={"q": "0007"})
    assert [v["device"] for v in words["vehicles"]] == ["100000000000007"]
    ids: list[str] = []
    after = ""
    while after is not None:
        page = await tracker.get("/api/v1/vehicles", params={"limit": "10", "after": after})
        ids += [vehicle["id"] for vehicle in page["vehicles"]]
        after = page["next"]
    assert len(ids) == len(set(ids)) == 25
    assert ids == sorted(ids)


async def test_the_track_in_pages_and_as_a_stream(tracker):
    start = round(time.time()) - 3_000
    fixes = [Fix(start + n, 46 + n / 1e5, 14.5, 10.0) for n in range(2_500)]
    id_ = await report(tracker, "1001", list(reversed(fixes)))  # a backlog comes in any order
    await _durable(tracker)
    path = f"/api/v1/vehicles/{id_}/positions"
    lats: list[float] = []
    params = {"from": str(start), "to": str(start + 2_499)}
    while True:
        page = await tracker.get(path, params=params)
        lats += [position["lat"] for position in page["positions"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert lats == [fix.lat for fix in fixes]
    window = {"from": str(start + 100), "to": str(start + 199)}
    headers = {"Accept": "application/x-ndjson"}
    async with tracker.session.get(tracker.url + path, params=window, headers=headers) as answer:
        assert answer.content_type == "application/x-ndjson"
        lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    assert [line["lat"] for line in lines] == [fix.lat for fix in fixes[100:200]]


async def _durable(tracker: InProcess) -> None:
    await until(lambda: not tracker.app[keys.JOURNAL].pending)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/vehicles/nope", 404, "not_found"),
        ("/api/v1/vehicles/nope/positions", 404, "not_found"),
        ("/api/v1/vehicles?state=flying", 400, "bad_request"),
        ("/api/v1/vehicles?limit=0", 400, "bad_request"),
        ("/api/v1/vehicles?limit=ten", 400, "bad_request"),
        ("/api/v1/vehicles?bbox=1,2,3", 400, "bad_request"),
        ("/api/v1/vehicles?bbox=0,nan,0,0", 400, "bad_request"),
        ("/static/../pyproject.toml", 404, "not_found"),
        ("/static/js/%2e%2e/%2e%2e/pyproject.toml", 404, "not_found"),
        ("/nothing/here", 404, "not_found"),
    ],
)
async def test_errors_are_problem_documents(tracker, path, status, code):
    async with tracker.session.get(tracker.url + path) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        problem = orjson.loads(await answer.read())
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"]


@pytest.mark.parametrize("window", ["from=yesterday", "from=10&to=5", "after=x", "limit=99999"])
async def test_a_wrong_window_is_named(tracker, window):
    id_ = await report(tracker, "1001", [Fix(time.time(), 1, 2)])
    url = f"{tracker.url}/api/v1/vehicles/{id_}/positions?{window}"
    async with tracker.session.get(url) as answer:
        assert answer.status == 400
        detail = orjson.loads(await answer.read())["detail"]
    assert window.partition("=")[0] in detail


async def test_a_vehicle_can_be_named_and_grouped(tracker):
    id_ = await report(tracker, "1001", [Fix(time.time(), 1, 2)])
    url = f"{tracker.url}/api/v1/vehicles/{id_}"
    async with tracker.session.patch(url, json={"name": "Truck 1", "group": "/north/"}) as answer:
        assert answer.status == 200
        changed = await answer.json()
    assert (changed["name"], changed["group"]) == ("Truck 1", "north")
    assert (await tracker.get("/api/v1/vehicles", params={"group": "north"}))["total"] == 1
    assert (await tracker.get("/api/v1/vehicles", params={"group": "nor"}))["total"] == 0
    for body in ({"name": ""}, {"name": 1}, {"id": "x"}, {"datum": "mars"}, {"status": "gone"}):
        async with tracker.session.patch(url, json=body) as answer:
            assert answer.status == 400, body
    async with tracker.session.patch(url, data=b"{") as answer:
        assert answer.status == 400


async def test_changes_need_the_token_where_there_is_one(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=60, admin_token="right") as tracker:
        id_ = await report(tracker, "1001", [Fix(time.time(), 1, 2)])
        url = f"{tracker.url}/api/v1/vehicles/{id_}"
        async with tracker.session.patch(url, json={"name": "x"}) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        headers = {"Authorization": "Bearer right"}
        async with tracker.session.patch(url, json={"name": "x"}, headers=headers) as answer:
            assert answer.status == 200
        headers = {"Authorization": "Bearer wrong"}
        async with tracker.session.get(url, headers=headers) as answer:
            assert answer.status == 401


async def test_a_restart_remembers_vehicles_and_places(tmp_path):
    now = round(time.time(), 3)
    async with running_tracker(tmp_path, tick_interval_s=60) as tracker:
        id_ = await report(tracker, "1001", [Fix(now, 46.05, 14.5, 12.0)])
        await tracker.session.patch(f"{tracker.url}/api/v1/vehicles/{id_}", json={"name": "Van"})
    async with running_tracker(tmp_path, tick_interval_s=60) as tracker:
        vehicle = await tracker.get(f"/api/v1/vehicles/{id_}")
        assert vehicle["name"] == "Van"
        assert vehicle["position"]["lat"] == 46.05


async def test_health_and_metrics(tracker):
    await report(tracker, "1001", [Fix(time.time(), 1, 2)])
    assert await tracker.get("/healthz") == {"status": "alive"}
    ready = await tracker.get("/readyz")
    assert ready["parts"] == {"ticks": "ok", "journal": "ok", "bus": "ok", "store": "ok"}
    async with tracker.session.get(f"{tracker.url}/metrics") as answer:
        text = await answer.text()
    for name in (
        "tracker_tick_start_lag_seconds_bucket", "tracker_tick_flush_seconds_count",
        "tracker_frames_sent_total", "tracker_frames_skipped_total",
        "tracker_frames_conflated_total", "tracker_frame_bytes_total",
        "tracker_bus_gaps_total", "tracker_positions_total 1.0",
        'tracker_vehicles{state="idle"} 1.0',
    ):  # fmt: skip
        assert name in text


async def test_the_page_is_strict_and_its_files_may_be_kept(tracker):
    async with tracker.session.get(f"{tracker.url}/") as answer:
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "/static/js/main.js?v=" in page
    address = page.partition('src="/static/js/main.js?v=')[2].partition('"')[0]
    async with tracker.session.get(f"{tracker.url}/static/js/main.js?v={address}") as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    async with tracker.session.get(f"{tracker.url}/static/js/main.js?v=other") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"]


async def test_an_imported_track_moves_no_marker_after_a_restart(tmp_path):
    now = round(time.time(), 3)
    csv = f"time,lat,lon\n{now + 30},45.0,14.0\n"
    async with running_tracker(tmp_path, tick_interval_s=60) as tracker:
        id_ = await report(tracker, "1001", [Fix(now, 46.05, 14.5, 12.0)])
        url = f"{tracker.url}/api/v1/vehicles/{id_}/positions"
        headers = {"Content-Type": "text/csv"}
        async with tracker.session.post(url, data=csv, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
    async with running_tracker(tmp_path, tick_interval_s=60) as tracker:
        vehicle = await tracker.get(f"/api/v1/vehicles/{id_}")
        assert vehicle["position"]["lat"] == 46.05
