"""REST: tracks out as files, in from files, and erased."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import gpxpy
import openpyxl
import orjson
import pytest

from tests.inprocess import InProcess, running_tracker
from tests.system.history.asking import (
    day,
    fetch,
    morning,
    problem,
    report,
    settle,
    upload,
    window,
    window_of,
)
from tests.waiting import PATIENCE_S, until
from tracker.model import Fix
from tracker.web import history_imports, keys

# -- files -----------------------------------------------------------------------------------------


async def test_files_come_with_their_types_and_names(
    tracker: InProcess, place: str, tmp_path: Path
) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    await settle(tracker, place)
    url = f"{tracker.url}/api/v1/vehicles/{id_}"
    async with tracker.session.patch(url, json={"name": 'Žiga/"7" 车'}) as answer:
        assert answer.status == 200
    path, span = f"/api/v1/vehicles/{id_}/positions", window(drive)
    date = dt.datetime.fromtimestamp(drive.fixes[0].fix_time, dt.UTC).date().isoformat()
    data, headers = await fetch(tracker, f"{path}.gpx", **span)
    assert headers["Content-Type"] == "application/gpx+xml"
    name = headers["Content-Disposition"]
    assert name.startswith(f'attachment; filename="Ziga 7 {date}')
    assert f"filename*=UTF-8''%C5%BDiga%207%20%E8%BD%A6%20{date}" in name
    [track] = gpxpy.parse(data.decode()).tracks
    assert track.name == 'Žiga/"7" 车'
    assert [p.latitude for s in track.segments for p in s.points] == [f.lat for f in drive.fixes]
    data, headers = await fetch(tracker, f"{path}.csv", **span)
    assert headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [float(row["lon"]) for row in rows] == [fix.lon for fix in drive.fixes]
    data, headers = await fetch(tracker, f"{path}.geojson", **span)
    assert headers["Content-Type"] == "application/geo+json"
    [line] = orjson.loads(data)["features"]
    assert len(line["geometry"]["coordinates"]) == len(drive.fixes)
    data, _ = await fetch(tracker, f"{path}.geojson", features="points", **span)
    assert len(orjson.loads(data)["features"]) == len(drive.fixes)
    data, headers = await fetch(tracker, f"{path}.kml", **span)
    assert headers["Content-Type"] == "application/vnd.google-earth.kml+xml"
    assert data.count(b"<when>") == len(drive.fixes)
    data, headers = await fetch(tracker, f"{path}.xlsx", **span)
    assert headers["Content-Type"].endswith("spreadsheetml.sheet")
    (tmp_path / "a.xlsx").write_bytes(data)
    [sheet] = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets
    assert sheet.max_row == len(drive.fixes) + 1
    data, _ = await fetch(tracker, f"{path}.gpx", tolerance_m="25", **span)
    assert 2 < data.count(b"<trkpt") < 40


async def read_slowly(tracker: InProcess, path: str, meanwhile: Callable[[], None]) -> bytes:
    """Everything that comes for a request whose answer is not read until `meanwhile` is done."""
    host, _, port = tracker.url.removeprefix("http://").partition(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=4_096)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    )
    data = await reader.readuntil(b"\r\n\r\n")
    meanwhile()
    try:
        while chunk := await asyncio.wait_for(reader.read(65_536), PATIENCE_S):
            data += chunk
    except ConnectionError:
        pass
    writer.close()
    return data


async def test_a_file_that_is_cut_off_does_not_look_whole(
    tracker: InProcess, tmp_path: Path
) -> None:
    fixes = [Fix(morning() + n, 46 + n / 1e6, 14.5, 50.0) for n in range(20_000)]
    id_ = await report(tracker, "1001", fixes)
    await tracker.app[keys.STORE].drain()
    params = f"from={fixes[0].fix_time}&to={fixes[-1].fix_time}"
    path = f"/api/v1/vehicles/{id_}/positions.gpx"
    whole = await read_slowly(tracker, f"{path}?{params}", lambda: None)
    assert whole.count(b"<trkpt") == 20_000
    assert whole.endswith(b"</gpx>\n\r\n0\r\n\r\n")

    def spoil() -> None:
        file = tracker.app[keys.STORE].journal_path
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TABLE positions")

    part = await read_slowly(tracker, f"{path}?{params}", spoil)
    assert part.startswith(b"HTTP/1.1 200")
    assert 0 < part.count(b"<trkpt") < 20_000
    assert b"</gpx>" not in part
    assert not part.endswith(b"0\r\n\r\n")
    status, _ = await problem(tracker, path)
    assert status == 503


async def ask_and_wait(tracker: InProcess, url: str, params: dict[str, str]) -> None:
    async with tracker.session.get(url, params=params):
        await asyncio.Event().wait()


async def test_who_goes_away_ends_the_reading(
    tracker: InProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fixes = [Fix(morning() + n, 46 + n / 1e6, 14.5, 50.0) for n in range(20_000)]
    id_ = await report(tracker, "1001", fixes)
    params = window_of(fixes)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for suffix in ("gpx", "xlsx"):
        url = f"{tracker.url}/api/v1/vehicles/{id_}/positions.{suffix}"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask_and_wait(tracker, url, params), 0.2)
    async with tracker.session.get(url, params=params) as answer:
        assert len(await answer.read()) > 100_000
    await until(lambda: not any(folder.iterdir()))  # both requests have to notice first
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_head_says_what_get_would(tracker: InProcess) -> None:
    id_ = await report(tracker, "1001", day().fixes)
    url = f"{tracker.url}/api/v1/vehicles/{id_}/positions.gpx"
    async with tracker.session.head(url) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/gpx+xml"
        assert await answer.read() == b""


# -- imports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "kind"), [("gpx", "application/gpx+xml"), ("csv", "text/csv")])
async def test_an_export_can_be_imported_into_another_vehicle(
    tracker: InProcess, place: str, suffix: str, kind: str
) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    other = await report(tracker, "1002", [])
    path = f"/api/v1/vehicles/{{}}/positions.{suffix}"
    data, _ = await fetch(tracker, path.format(id_), **window(drive))
    status, account = await upload(tracker, other, data, kind)
    assert status == 200
    count = len(drive.fixes)
    assert (account["points"], account["imported"], account["duplicates"]) == (count, count, 0)
    assert (account["rejected"], account["errors"]) == (0, [])
    await settle(tracker, place)
    status, again = await upload(tracker, other, data, kind)
    assert (again["imported"], again["duplicates"]) == (0, count)
    status, own = await upload(tracker, id_, data, kind)
    assert (own["imported"], own["duplicates"]) == (0, count)
    headers = {"Accept": "application/x-ndjson"}
    url = f"{tracker.url}/api/v1/vehicles/{other}/positions"
    async with tracker.session.get(url, params=window(drive), headers=headers) as answer:
        lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    assert [(p["lat"], p["lon"], p["speed_kmh"]) for p in lines] == [
        (f.lat, f.lon, f.speed_kmh) for f in drive.fixes
    ]
    assert all(p["attributes"] == {"imported": True} for p in lines)


async def test_an_import_does_not_move_the_vehicle(tracker: InProcess) -> None:
    now = time.time()
    id_ = await report(tracker, "1001", [Fix(now - 600, 46.05, 14.5, 0.0)])
    await tracker.app[keys.TICKER].tick(time.time())
    before = (await tracker.get(f"/api/v1/vehicles/{id_}"))["position"]
    data = f"time,lat,lon\n{now - 60:.0f},47,15\n".encode()
    status, account = await upload(tracker, id_, data, "text/csv")
    assert (status, account["imported"]) == (200, 1)
    await tracker.app[keys.TICKER].tick(time.time())
    assert (await tracker.get(f"/api/v1/vehicles/{id_}"))["position"] == before
    assert len((await tracker.get(f"/api/v1/vehicles/{id_}/positions"))["positions"]) == 2


async def test_a_large_import_goes_in_in_steps(tracker: InProcess) -> None:
    id_ = await report(tracker, "1001", [])
    start = morning()
    rows = [f"{start + n:.0f},{46 + n / 1e6:.6f},14.5" for n in range(20_000)]
    data = "\n".join(["time,lat,lon", *rows]).encode()
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, tracker.app[keys.JOURNAL].pending)
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    status, account = await upload(tracker, id_, data, "text/csv")
    watcher.cancel()
    assert (status, account["imported"]) == (200, 20_000)
    assert 0 < most <= 2_000


async def test_an_upload_that_breaks_off_can_be_sent_again(
    tracker: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = await report(tracker, "1001", [])
    start = morning()
    rows = [f"{start + n:.0f},{46 + n / 1e6:.6f},14.5" for n in range(5_000)]
    data = "\n".join(["time,lat,lon", *rows]).encode()
    host, _, port = tracker.url.removeprefix("http://").partition(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/v1/vehicles/{id_}/positions HTTP/1.1\r\nHost: {host}:{port}\r\n"
    head += f"Content-Type: text/csv\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data[: len(data) // 2])
    await writer.drain()
    journal = tracker.app[keys.JOURNAL]
    await until(lambda: journal.committed_positions >= 2_000)
    writer.transport.abort()
    status, account = await upload(tracker, id_, data, "text/csv")
    assert status == 200
    assert account["duplicates"] >= 2_000
    assert account["duplicates"] + account["imported"] == 5_000
    span = {"from": str(start), "to": str(start + 5_000), "limit": "10000"}
    found = await tracker.get(f"/api/v1/vehicles/{id_}/positions", params=span)
    assert len(found["positions"]) == 5_000
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_what_is_wrong_with_an_import_is_said_exactly(tracker: InProcess) -> None:
    id_ = await report(tracker, "1001", [])
    when = dt.datetime.fromtimestamp(morning(), dt.UTC).isoformat()
    rows = ["time,lat,lon", f"{when},46,14", f"{when},460,14", "never,46,14", f"{when},47,14"]
    status, account = await upload(tracker, id_, "\n".join(rows).encode(), "text/csv")
    assert status == 200
    assert (account["points"], account["imported"], account["rejected"]) == (4, 2, 2)
    assert [error["line"] for error in account["errors"]] == [3, 4]
    assert account["errors"][0]["error"].startswith("lat: must be a number within -90..90")
    point = f'<trkpt lat="46" lon="14"><time>{when}</time></trkpt>'
    broken = f"<gpx><trk><trkseg>{point}".encode()
    status, data = await upload(tracker, id_, broken, "application/gpx+xml")
    assert (status, data["code"], data["points"]) == (400, "bad_request", 0)
    assert "line 1: not well-formed XML" in data["detail"]
    bomb = b'<!DOCTYPE gpx [<!ENTITY a "b">]><gpx>&a;</gpx>'
    status, data = await upload(tracker, id_, bomb, "text/xml")
    assert (status, data["detail"]) == (400, "line 1: a document type is not allowed in GPX")
    status, data = await upload(tracker, id_, b"{}", "application/json")
    assert status == 415
    assert "application/gpx+xml or text/csv" in data["detail"]
    status, _ = await upload(tracker, "nobody", b"", "text/csv")
    assert status == 404


async def test_an_import_that_is_too_long_is_refused(
    tracker: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await report(tracker, "1001", [])
    rows = [f"{morning() + n:.0f},46,14" for n in range(3_000)]
    data = "\n".join(["time,lat,lon", *rows]).encode()
    monkeypatch.setattr(history_imports, "MAX_POINTS", 1_000)
    status, answer = await upload(tracker, id_, data, "text/csv")
    assert (status, answer["code"]) == (400, "bad_request")
    assert "more than 1000 points" in answer["detail"]
    monkeypatch.setattr(history_imports, "MAX_BYTES", 10_000)
    status, answer = await upload(tracker, id_, data, "text/csv")
    assert status == 400
    assert "more than 10000 bytes" in answer["detail"]


# -- erasing ---------------------------------------------------------------------------------------


async def test_a_history_can_be_erased(tracker: InProcess, place: str) -> None:
    drive = day()
    id_ = await report(tracker, "1001", drive.fixes)
    other = await report(tracker, "1002", drive.fixes)
    await settle(tracker, place)
    url = f"{tracker.url}/api/v1/vehicles/{id_}/positions"
    async with tracker.session.delete(url) as answer:
        assert answer.status == 200
        assert await answer.json() == {"vehicle": id_, "erased": len(drive.fixes)}
    path = "/api/v1/vehicles/{}/positions"
    assert (await tracker.get(path.format(id_), params=window(drive)))["positions"] == []
    assert (await tracker.get(path.format(other), params=window(drive)))["positions"] != []


async def test_changes_need_the_token(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, tick_interval_s=60, admin_token="right") as tracker:
        id_ = await report(tracker, "1001", [Fix(time.time(), 1, 2)])
        path = f"/api/v1/vehicles/{id_}/positions"
        for method in ("POST", "DELETE"):
            status, _ = await problem(tracker, path, method=method, data=b"x")
            assert status == 401
        headers = {"Authorization": "Bearer right"}
        async with tracker.session.delete(tracker.url + path, headers=headers) as answer:
            assert (await answer.json())["erased"] == 1
