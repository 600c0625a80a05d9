"""REST: trips, stops, summaries, tracks, playback, and who passed where."""

from __future__ import annotations

import datetime as dt
import time
from itertools import accumulate

import orjson
import pytest

from tests.inprocess import InProcess
from tests.system.history.asking import (
    HOUR,
    day,
    morning,
    problem,
    report,
    settle,
    window,
)
from tracker.model import Fix

# -- trips -----------------------------------------------------------------------------------------


async def test_trips_stops_and_a_timeline(tracker: InProcess, place: str) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    await settle(tracker, place)
    path = f"/api/v1/vehicles/{id_}"
    [trip] = (await tracker.get(f"{path}/trips", params=window(drive)))["trips"]
    assert trip["distance_m"] == pytest.approx(72_000, rel=1e-3)
    assert trip["max_speed_kmh"] == 72.0
    assert trip["mean_speed_kmh"] == pytest.approx(72, rel=0.01)
    assert (trip["cut_start"], trip["cut_end"]) == (False, False)
    stops = (await tracker.get(f"{path}/stops", params=window(drive)))["stops"]
    assert [stop["idle_s"] > 1_000 for stop in stops] == [True, False]
    data = await tracker.get(f"{path}/timeline", params=window(drive))
    pieces = data["pieces"]
    assert [piece["kind"] for piece in pieces] == ["stop", "trip", "stop"]
    assert pieces[1] == trip
    assert [pieces[0], pieces[2]] == stops
    assert [p["end_time"] for p in pieces[:-1]] == [p["start_time"] for p in pieces[1:]]
    covered = drive.fixes[-1].fix_time - drive.fixes[0].fix_time
    assert sum(piece["duration_s"] for piece in pieces) == pytest.approx(covered)
    assert data["rules"]["stop_s"] == 180
    one = await tracker.get(f"{path}/timeline", params=window(drive) | {"stop_s": "7200"})
    assert [piece["kind"] for piece in one["pieces"]] == ["trip", "stop"]  # the ignition went off
    one = await tracker.get(
        f"{path}/timeline", params=window(drive) | {"stop_s": "7200", "ignition": "ignore"}
    )
    assert [piece["kind"] for piece in one["pieces"]] == ["trip"]


async def test_a_window_in_the_middle_knows_what_lies_around_it(tracker: InProcess) -> None:
    drive = day()
    drive.silent(10 * HOUR).stand(600, ignition=False)
    id_ = await report(tracker, "1001", drive.fixes)
    night = {"from": str(drive.time - 5 * HOUR), "to": str(drive.time - 4 * HOUR)}
    data = await tracker.get(f"/api/v1/vehicles/{id_}/timeline", params=night)
    [stop] = data["pieces"]
    assert (stop["kind"], stop["duration_s"]) == ("stop", HOUR)
    assert (stop["cut_start"], stop["cut_end"]) == (True, True)
    assert stop["silent_s"] == HOUR


async def test_a_day_s_summary_in_a_time_zone(tracker: InProcess) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    path = f"/api/v1/vehicles/{id_}/summary"
    data = await tracker.get(path, params={"tz": "Europe/Ljubljana"})
    assert data["tz"] == "Europe/Ljubljana"
    assert len(data["days"]) == 7
    assert data["total"]["distance_m"] == pytest.approx(72_000, rel=1e-3)
    assert data["total"]["positions"] == len(drive.fixes)
    for row in data["days"]:
        start, end = (dt.datetime.fromisoformat(row[k]) for k in ("start_time", "end_time"))
        parts = sum(row[k] for k in ("driving_s", "idle_s", "stopped_s", "gap_s"))
        assert parts == pytest.approx((end - start).total_seconds(), abs=0.01)
    spring = {"from": "2026-03-28", "to": "2026-03-29", "tz": "Europe/Ljubljana"}
    rows = (await tracker.get(path, params=spring))["days"]
    hours = [row["gap_s"] / HOUR for row in rows]
    if time.time() > dt.datetime(2026, 3, 30, tzinfo=dt.UTC).timestamp():
        assert hours == [24, 23]
    assert (await tracker.get(path, params={"from": "2998-01-01", "to": "2998-01-02"}))[
        "days"
    ] == []


# -- tracks ----------------------------------------------------------------------------------------


async def test_a_track_to_draw(tracker: InProcess, place: str) -> None:
    drive = day()
    drive.silent(1_000).go(50, 100)
    id_ = await report(tracker, "1001", drive.fixes)
    await settle(tracker, place)
    data = await tracker.get(f"/api/v1/vehicles/{id_}/track", params=window(drive))
    assert len(data["segments"]) == 2
    assert data["points"] == sum(len(s["t"]) for s in data["segments"]) < len(drive.fixes) / 5
    first = data["segments"][0]
    assert list(accumulate(first["t"]))[-1] == round(drive.fixes[-11].fix_time * 1e3)
    assert first["lat"][0] == round(drive.fixes[0].lat * 1e6)
    whole = await tracker.get(
        f"/api/v1/vehicles/{id_}/track", params=window(drive) | {"tolerance_m": "0"}
    )
    assert whole["points"] == len(drive.fixes)


async def test_positions_may_be_thinned_too(tracker: InProcess) -> None:
    drive = day()
    drive.silent(1_000).go(50, 100)
    id_ = await report(tracker, "1001", drive.fixes)
    path = f"/api/v1/vehicles/{id_}/positions"
    params = window(drive) | {"tolerance_m": "25"}
    data = await tracker.get(path, params=params)
    assert {p["segment"] for p in data["positions"]} == {0, 1}
    assert data["next"] is None
    assert 4 < len(data["positions"]) < 40
    headers = {"Accept": "application/x-ndjson"}
    async with tracker.session.get(tracker.url + path, params=params, headers=headers) as answer:
        lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    assert lines == data["positions"]
    plain = await tracker.get(path, params=window(drive) | {"limit": "5"})
    assert len(plain["positions"]) == 5
    assert plain["next"]
    status, detail = await problem(tracker, path, params=params | {"limit": "5"})
    assert status == 400
    assert detail.startswith("limit: ")


# -- playback --------------------------------------------------------------------------------------


async def test_blocks_are_the_track_and_may_be_kept(tracker: InProcess, place: str) -> None:
    drive, other = day(), day()
    id_ = await report(tracker, "1001", drive.fixes)
    other_id = await report(tracker, "1002", other.fixes[:30])
    await settle(tracker, place)
    manifest = await tracker.get(f"/api/v1/vehicles/{id_}/playback", params=window(drive))
    assert manifest["block_s"] == 600
    assert sum(sum(b["minutes"]) for b in manifest["blocks"]) == len(drive.fixes)
    times: list[int] = []
    for entry in manifest["blocks"]:
        path = f"/api/v1/playback/{entry['block']}"
        async with tracker.session.get(tracker.url + path, params={"vehicles": id_}) as answer:
            assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
            tag = answer.headers["ETag"]
            block = orjson.loads(await answer.read())
        [vehicle] = block["vehicles"]
        assert block["closed"]
        assert len(vehicle["t"]) == sum(entry["minutes"])
        times += accumulate(vehicle["t"], initial=block["start_ms"])
        times.remove(block["start_ms"])
        headers = {"If-None-Match": tag}
        async with tracker.session.get(
            tracker.url + path, params={"vehicles": id_}, headers=headers
        ) as answer:
            assert answer.status == 304
            assert answer.headers["ETag"] == tag
    assert times == [round(fix.fix_time * 1e3) for fix in drive.fixes]
    first = manifest["blocks"][0]["block"]
    both = await tracker.get(f"/api/v1/playback/{first}?vehicles={other_id},{id_}&step_s=60")
    assert [v["id"] for v in both["vehicles"]] == sorted((id_, other_id))
    assert all(len(v["t"]) <= 10 for v in both["vehicles"])


async def test_a_view_shows_who_was_in_it(tracker: InProcess, place: str) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    far = [Fix(f.fix_time, f.lat - 10, f.lon, f.speed_kmh) for f in drive.fixes]
    await report(tracker, "1002", far)
    await settle(tracker, place)
    block = int(drive.fixes[0].fix_time // 600)
    here = await tracker.get(f"/api/v1/playback/{block}", params={"bbox": "14.4,46,14.6,46.1"})
    assert [vehicle["id"] for vehicle in here["vehicles"]] == [id_]
    everywhere = await tracker.get(f"/api/v1/playback/{block}", params={"bbox": "-180,-90,180,90"})
    assert len(everywhere["vehicles"]) == 2
    nowhere = await tracker.get(f"/api/v1/playback/{block}", params={"bbox": "170,-10,-170,10"})
    assert nowhere["vehicles"] == []


async def test_a_block_may_say_where_vehicles_were_before_it(
    tracker: InProcess, place: str
) -> None:
    start = morning()
    parked = Fix(start - 4_000, 46.05, 14.5, 0.0, ignition=False)
    id_ = await report(tracker, "1001", [parked, Fix(start + 700, 46.06, 14.6, 30.0, 45.0)])
    await settle(tracker, place)
    path = f"/api/v1/playback/{int(start // 600)}"
    assert (await tracker.get(path, params={"vehicles": id_}))["vehicles"] == []
    [vehicle] = (await tracker.get(path, params={"vehicles": id_, "before": "true"}))["vehicles"]
    assert vehicle["t"] == vehicle["lat"] == []
    assert vehicle["before"] == {
        "t": -4_000_000, "lat": 46_050_000, "lon": 14_500_000, "speed": 0, "course": -1, "flags": 2,
    }  # fmt: skip
    path = f"/api/v1/playback/{int(start // 600) + 1}"
    [vehicle] = (await tracker.get(path, params={"vehicles": id_, "before": "true"}))["vehicles"]
    assert vehicle["before"]["t"] == -4_600_000
    assert vehicle["t"] == [100_000]
    path = f"/api/v1/playback/{int(start // 600) - 20}"
    assert (await tracker.get(path, params={"vehicles": id_, "before": "true"}))["vehicles"] == []


async def test_the_current_block_is_not_kept_and_changes(tracker: InProcess) -> None:
    now = time.time()
    id_ = await report(tracker, "1001", [Fix(now - 1, 46, 14.5)])
    url = f"{tracker.url}/api/v1/playback/{int((now - 1) // 600)}?vehicles={id_}"
    async with tracker.session.get(url) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        block = orjson.loads(await answer.read())
    assert not block["closed"]
    assert len(block["vehicles"][0]["t"]) == 1


async def test_a_late_backlog_changes_the_tag_of_its_block(tracker: InProcess) -> None:
    start = (time.time() - 2 * HOUR) // 600 * 600
    id_ = await report(tracker, "1001", [Fix(start + 5, 46, 14.5)])
    url = f"{tracker.url}/api/v1/playback/{int(start // 600)}?vehicles={id_}"
    async with tracker.session.get(url) as answer:
        assert answer.headers["Cache-Control"] == "private, max-age=60"
        tag = answer.headers["ETag"]
    await report(tracker, "1001", [Fix(start + 6, 46, 14.5, stored=True)])
    async with tracker.session.get(url, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != tag


# -- who passed here -------------------------------------------------------------------------------


async def test_who_passed_here(tracker: InProcess, place: str) -> None:
    start = morning()
    ids = [
        await report(
            tracker,
            f"10{number}",
            [Fix(start + n * 20, 46.05, 14.40 + n * 0.05 + number / 1_000) for n in range(5)],
        )
        for number in range(3)
    ]
    await report(tracker, "2000", [Fix(start + n * 20, 45.0, 14.4 + n * 0.05) for n in range(5)])
    await settle(tracker, place)
    span = {"from": str(start), "to": str(start + 100)}
    ring = [[14.46, 46.0], [14.49, 46.0], [14.49, 46.1], [14.46, 46.1], [14.46, 46.0]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    asked: list[dict[str, str]] = [
        {"bbox": "14.46,46,14.49,46.1"},
        {"polygon": orjson.dumps(polygon).decode()},
    ]
    answers = [await tracker.get("/api/v1/passages", params=span | area) for area in asked]
    body = {"area": {"type": "Feature", "geometry": polygon, "properties": {}}, **span}
    async with tracker.session.post(f"{tracker.url}/api/v1/passages", json=body) as answer:
        assert answer.status == 200
        answers.append(await answer.json())
    for data in answers:
        assert [vehicle["id"] for vehicle in data["vehicles"]] == sorted(ids)
        assert data == answers[0]
        for vehicle in data["vehicles"]:
            [visit] = vehicle["visits"]
            assert visit["duration_s"] == pytest.approx(12, abs=0.01)
            assert (visit["entered"], visit["left"]) == (True, True)
    circle = span | {"circle": "46.05,14.475,1000"}
    assert len((await tracker.get("/api/v1/passages", params=circle))["vehicles"]) == 3
    later = {"from": str(start + 200), "to": str(start + 300), "circle": "46.05,14.475,1000"}
    assert (await tracker.get("/api/v1/passages", params=later))["vehicles"] == []
    found: list[str] = []
    params = span | asked[0] | {"limit": "1"}
    while True:
        page = await tracker.get("/api/v1/passages", params=params)
        found += [vehicle["id"] for vehicle in page["vehicles"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert found == sorted(ids)
