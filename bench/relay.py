"""What the relay carries: confirmed messages a second through its TCP port and a real mosquitto.

The caller, the tracker and mosquitto share the machine. The limit is as bare as it can be: a loop
that writes ready-made PUBLISH packets to the same mosquitto and counts the PUBACKs, with as many
in flight.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import struct
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import uvloop

from bench.table import Row, percentile
from tests.nodes import TrackerNode, running_node
from tests.relaying import Caller, line, subscribed
from tests.servers import RealServer, free_port, run_mosquitto

KNOWN_DESIGN_PER_S = 380  # what a published PHP relay of this kind reached
MESSAGES, ROUNDS = 40_000, 3
WINDOW = 500  # as the relay's own
SINGLES = 2_000
RESTARTED, RESTART_AFTER, AWAY_S = 20_000, 5_000, 1.0
MESSAGE = json.dumps({"type": "locate", "interval": 30, "reference": 12345})


def _requests() -> bytes:
    return b"".join(
        line(n, n % 1_000, f"fleet/{n % 1_000}/cmd", message=MESSAGE) for n in range(MESSAGES)
    )


def _relayed(port: int, requests: bytes) -> float:
    """Confirmed messages a second, all asked for at once on one connection."""
    sock = socket.create_connection(("127.0.0.1", port))
    begun = time.perf_counter()
    writer = threading.Thread(target=sock.sendall, args=(requests,))
    writer.start()
    confirmed = lines = 0
    with sock.makefile("rb", buffering=1 << 16) as answers:
        for answer in answers:
            lines += 1
            confirmed += b'"code":0' in answer
            if lines == MESSAGES:
                break
    took = time.perf_counter() - begun
    writer.join()
    sock.close()
    assert confirmed == MESSAGES, f"{confirmed} of {MESSAGES} were confirmed"
    return MESSAGES / took


def _remaining_length(size: int) -> bytes:
    found = bytearray()
    while True:
        size, low = divmod(size, 128)
        found.append(low | (128 if size else 0))
        if not size:
            return bytes(found)


def _packets() -> list[bytes]:
    packets = []
    for number in range(MESSAGES):
        topic = f"fleet/{number % 1_000}/cmd".encode()
        body = struct.pack(">H", len(topic)) + topic
        body += struct.pack(">H", number % 65_535 + 1) + MESSAGE.encode()
        packets.append(b"\x32" + _remaining_length(len(body)) + body)
    return packets


def _bare(port: int, packets: list[bytes]) -> float:
    """Confirmed messages a second of a loop that does nothing else."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    hello = struct.pack(">H4sBBH", 4, b"MQTT", 4, 2, 30) + struct.pack(">H4s", 4, b"bare")
    sock.sendall(b"\x10" + _remaining_length(len(hello)) + hello)
    assert sock.recv(4)[3] == 0
    begun = time.perf_counter()
    sent = confirmed_bytes = 0
    while confirmed_bytes < 4 * MESSAGES:
        room = WINDOW - (sent - confirmed_bytes // 4)
        if room and sent < MESSAGES:
            sock.sendall(b"".join(packets[sent : sent + room]))
            sent = min(sent + room, MESSAGES)
        confirmed_bytes += len(sock.recv(65_536))
    took = time.perf_counter() - begun
    sock.close()
    return MESSAGES / took


def _throughput(node: TrackerNode, server: RealServer, port: int) -> list[Row]:
    requests, packets = _requests(), _packets()
    assert node.process is not None
    process = psutil.Process(node.process.pid)
    _relayed(port, requests)  # once for what is only done once
    ours, bare, cpu_us = [], [], []
    for _ in range(ROUNDS):
        before = sum(process.cpu_times()[:2])
        ours.append(_relayed(port, requests))
        cpu_us.append((sum(process.cpu_times()[:2]) - before) / MESSAGES * 1e6)
        bare.append(_bare(server.port, packets))
    rate, limit = statistics.median(ours), statistics.median(bare)
    detail = {"per_s": [round(one) for one in ours], "bare_per_s": [round(one) for one in bare]}
    return [
        Row("relay, confirmed messages", rate, "/s", detail=detail),
        Row(
            f"relay, against the {KNOWN_DESIGN_PER_S}/s of a known design",
            rate / KNOWN_DESIGN_PER_S, "x", 20, at_least=True,
        ),
        Row("relay, against a bare pipelined publisher", rate / limit, "x", detail=detail),
        Row("relay, CPU of a message", statistics.median(cpu_us), "µs"),
    ]  # fmt: skip


def _latency(port: int) -> list[Row]:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = []
    with sock.makefile("rb") as answers:
        for number in range(SINGLES):
            begun = time.perf_counter()
            sock.sendall(line(number, number, message=MESSAGE))
            assert b'"code":0' in answers.readline()
            took.append(time.perf_counter() - begun)
    sock.close()
    return [
        Row(f"relay, answer to one request, {name}", percentile(took, share) * 1e3, "ms")
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def _restarted(server: RealServer, port: int) -> list[Row]:
    """Messages that were confirmed to the caller and never came to a subscriber."""
    async with subscribed(server.port, "restart/#") as subscriber:
        caller = await Caller.connect(port)
        requests = b"".join(line(n, n % 1_000, "restart/x") for n in range(RESTARTED))
        writing = asyncio.create_task(caller.say(requests))
        answers = await caller.answers(RESTART_AFTER)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(server.start)
        answers += await caller.answers(RESTARTED - RESTART_AFTER)
        await writing
        await caller.close()
        confirmed = {str(one["id"]).encode() for one in answers if one["code"] == 0}
        await subscriber.until(len(confirmed))
        lost = len(confirmed - set(subscriber.payloads))
        twice = sum(subscriber.payloads.values()) - len(subscriber.payloads)
    detail = {
        "codes": dict(Counter(one["result"] for one in answers)),
        "came_more_than_once": twice,
    }
    return [
        Row("relay, lost of 20,000 when the broker restarts", lost, "", 0, exactly=True),
        Row(
            "relay, confirmed of 20,000 when the broker restarts", len(confirmed), "",
            RESTARTED, exactly=True, detail=detail,
        ),
    ]  # fmt: skip


def rows() -> list[Row]:
    """All of it."""
    with run_mosquitto() as server, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        brokers = [{"name": "bench", "url": f"mqtt://127.0.0.1:{server.port}"}]
        settings = {"relay": f"127.0.0.1:{port}", "relay_brokers": json.dumps(brokers)}
        with running_node(Path(folder) / "data", **settings) as node:
            while not node.metric("tracker_mqtt_connected"):
                time.sleep(0.05)
            found = [*_throughput(node, server, port), *_latency(port)]
            return found + uvloop.run(_restarted(server, port))


if __name__ == "__main__":
    for row in rows():
        print(row)
