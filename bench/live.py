"""Whole runs: a server process, a simulated fleet over TCP, viewers over WebSockets.

The figures are the simulator's own comparison of driven and seen, and the server's CPU and memory
as the kernel counts them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from bench.table import Row
from tests.devices import Device
from tests.nodes import TrackerNode, running_node

IDLE = 2_000  # connections whose memory is weighed
STALLED = 10
DONE = "tracker_tick_done_seconds"


@contextmanager
def _server() -> Iterator[TrackerNode]:
    with (
        tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder,
        running_node(Path(folder) / "data", unknown_devices="auto") as node,
    ):
        yield node


def drive(
    node: TrackerNode, vehicles: int, viewers: int, seconds: int, *options: str
) -> dict[str, Any]:
    """One `simulator run`; its report, with the server's CPU per second of it."""
    assert node.process is not None
    server = psutil.Process(node.process.pid)
    before, begun = server.cpu_times(), time.monotonic()
    command = [
        sys.executable, "-m", "simulator", "run", "--json",
        "--vehicles", str(vehicles), "--viewers", str(viewers), "--duration", str(seconds),
        "--to", f"127.0.0.1:{node.device_port}", "--url", node.url, "--decode", "2", *options,
    ]  # fmt: skip
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while run.poll() is None and node.metric("tracker_viewers") < viewers:
        time.sleep(0.2)
    time.sleep(1.0)  # the tick that greets them all is not the steady state that is asked for
    greeted = node.buckets(DONE)
    output, errors = run.communicate()
    took, after = time.monotonic() - begun, server.cpu_times()
    if not output.strip():
        raise AssertionError(errors.decode()[-2000:])
    report: dict[str, Any] = json.loads(output)
    report["server_cpu_share"] = (after.user + after.system - before.user - before.system) / took
    report["done_p99_ms"] = _quantile_s(greeted, node.buckets(DONE), 0.99) * 1e3
    report["server_rss_mb"] = server.memory_info().rss / 1e6
    return report


def _quantile_s(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The bound of the bucket that a quantile of what came in between lies in."""
    gained = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    total = max(gained.values())
    return min(bound for bound, count in gained.items() if count >= share * total)


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "frames_per_viewer_per_tick": report["seen"]["frames_per_viewer_per_tick"],
        "server_done_p99_ms": report["done_p99_ms"],
        "client_tick_to_frame_ms": report["lag_ms"]["tick_to_frame"],
        "positions": {k: v for k, v in report["positions"].items() if k != "examples"},
        "bytes_per_update": report["seen"]["bytes_per_update"],
        "server_cpu_share": round(report["server_cpu_share"], 3),
        "server_rss_mb": round(report["server_rss_mb"], 1),
    }


def main_rows() -> list[Row]:
    """100 x 100 and 1,000 x 1,000, and what stalled viewers cost the others."""
    with _server() as node:
        small = drive(node, 100, 100, 15)
    with _server() as node:
        large = drive(node, 1_000, 1_000, 20)
    with _server() as node:
        calm = drive(node, 100, 200, 12)
    with _server() as node:
        share = STALLED / 200
        stalled = drive(node, 100, 200, 12, "--faults", f"stalled-viewers={share}")
    return [
        _frames_row("100 x 100", small),
        _frames_row("1,000 x 1,000", large),
        Row(
            "tick boundary to last viewer's frame, 1,000 viewers, p99",
            large["done_p99_ms"],
            "ms",
            200,
            detail=_summary(large),
        ),
        Row(
            f"p99 of the others with {STALLED} stalled viewers, against none",
            stalled["done_p99_ms"] / calm["done_p99_ms"],
            "x",
            detail={"none": _summary(calm), "stalled": _summary(stalled)},
        ),
    ]  # fmt: skip


def _frames_row(name: str, report: dict[str, Any]) -> Row:
    value = report["seen"]["frames_per_viewer_per_tick"]
    return Row(
        f"frames per viewer per tick, {name}",
        value,
        "frames",
        1.0,
        exactly=True,
        detail=_summary(report),
    )


def memory_rows() -> list[Row]:
    """Resident memory per idle connection: the growth of the process over many of them."""
    with _server() as node:
        viewer = asyncio.run(_viewers_kb(node))
    with _server() as node:
        device = asyncio.run(_devices_kb(node))
    return [
        Row("memory per idle viewer", viewer, "KB", 16),
        Row("memory per idle device", device, "KB", 8),
    ]


def _rss_kb(node: TrackerNode) -> float:
    assert node.process is not None
    return psutil.Process(node.process.pid).memory_info().rss / 1024


async def _viewers_kb(node: TrackerNode) -> float:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def watch(ws: aiohttp.ClientWebSocketResponse) -> None:
            async for message in ws:
                text = message.data
                if '"tick":' in text[:40]:
                    number = text.split('"tick":', 1)[1].split(",", 1)[0]
                    await ws.send_str(f'{{"type":"ack","tick":{number}}}')

        async def open_many(count: int) -> list[asyncio.Task[None]]:
            tasks = []
            for _ in range(count):
                ws = await session.ws_connect(node.feed_url, compress=15)
                tasks.append(asyncio.create_task(watch(ws)))
            return tasks

        tasks = await open_many(100)  # first use of everything is not the connections' cost
        await asyncio.sleep(3)
        before = _rss_kb(node)
        tasks += await open_many(IDLE)
        await asyncio.sleep(5)
        grown = _rss_kb(node) - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return grown / IDLE


async def _devices_kb(node: TrackerNode) -> float:
    devices = [await Device.connect(node.device_port, f"9{n:014}") for n in range(100)]
    await asyncio.sleep(2)
    before = _rss_kb(node)
    devices += [await Device.connect(node.device_port, f"8{n:014}") for n in range(IDLE)]
    await asyncio.sleep(3)
    grown = _rss_kb(node) - before
    for device in devices:
        device.writer.transport.abort()
    await asyncio.sleep(0)
    return grown / IDLE


def largest_rows() -> list[Row]:
    """The largest fleet x viewers, in steps, with p99 under 200 ms and no frame missing."""
    best: dict[str, Any] | None = None
    best_size = 0
    processes = str(max(1, (os.cpu_count() or 2) - 1))
    for size in (1_000, 2_000, 3_000, 4_000, 5_000):
        with _server() as node:
            report = drive(node, size, size, 15, "--processes", processes)
        frames = report["seen"]["frames_per_viewer_per_tick"]
        if report["done_p99_ms"] > 200 or not 0.995 <= frames <= 1.005:
            break
        best, best_size = report, size
    return [
        Row(
            "largest fleet x viewers (n x n) with p99 <= 200 ms, load generator included",
            best_size,
            "each",
            detail=_summary(best) if best else {},
        )
    ]


if __name__ == "__main__":
    for row in [*main_rows(), *memory_rows(), *largest_rows()]:
        print(row)
