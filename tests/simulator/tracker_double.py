"""A small tracking server for the simulator's tests: written from the protocol texts and
docs/live-feed.md, with switches that make it lose, spoil, repeat or delay what it was sent.

It shares no code with the simulator, so that the two can contradict each other.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import WSMsgType, web


@dataclass
class Fix:
    """One position as the double understood it: ms, 1e-6 degree, 0.1 km/h, 0.1 degree."""

    fix_ms: int
    lat: int
    lon: int
    speed: int
    course: int
    stored: bool = False


@dataclass
class Vehicle:
    device: str
    fixes: list[Fix] = field(default_factory=list)
    newest: Fix | None = None


def xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


def crc_x25(data: bytes) -> int:
    """Bit by bit, from the polynomial: an independent check of the simulator's CRC."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def read_frame55(data: bytes) -> tuple[int, bytes, int] | None:
    """(command, payload, length) of a whole frame at the start of `data`."""
    if len(data) < 5 or len(data) < 5 + data[3]:
        return None
    end = 5 + data[3]
    return (data[2], data[4 : end - 1], end) if xor(data[:end]) == 0 else (-1, b"", 1)


def fix55(payload: bytes) -> Fix:
    seconds, lat, lon, speed, course, _, _, status = struct.unpack(">IiiHHhBB", payload)
    return Fix(seconds * 1000, lat, lon, speed, course, bool(status & 16))


def fix_gt06(info: bytes) -> Fix:
    year, month, day, hour, minute, second = info[:6]
    moment = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    _, lat, lon, speed, flags = struct.unpack(">BIIBH", info[6:18])
    return Fix(
        round(moment.timestamp() * 1000),
        round(lat / 1.8) * (1 if flags & 0x400 else -1),
        round(lon / 1.8) * (-1 if flags & 0x800 else 1),
        speed * 10,
        (flags & 0x3FF) * 10,
        bool(info[28]),
    )


def fix_jt808(body: bytes, stored: bool = False) -> Fix:
    _, status, lat, lon, _, speed, course = struct.unpack(">IIIIHHH", body[:22])
    moment = datetime.strptime(body[22:28].hex(), "%y%m%d%H%M%S").replace(tzinfo=UTC)
    return Fix(
        round((moment - timedelta(hours=8)).timestamp() * 1000),
        -lat if status & 4 else lat,
        -lon if status & 8 else lon,
        speed,
        course * 10,
        stored,
    )


class TrackerDouble:
    """Devices on one port, live feed and REST on another."""

    def __init__(self, interval_ms: int = 100) -> None:
        self.interval_ms = interval_ms
        self.vehicles: dict[str, Vehicle] = {}
        self.logins = 0
        self.frames = 0
        self.acks: list[int] = []
        # Switches.
        self.answer_positions = True
        self.forget_every = 0  # each so-many-th position is acknowledged and thrown away
        self.spoil_every = 0  # each so-many-th is moved by 3e-6 degree
        self.skip_tick_every = 0  # each so-many-th tick is not sent
        self.repeat_tick_every = 0
        self.close_code: int | None = None  # close each viewer with it after its third tick
        self.hello_version = 1
        self.device_writers: list[asyncio.StreamWriter] = []
        self.device_port = self.http_port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    # -- devices

    async def serve_device(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.device_writers.append(writer)
        buffer, ident = b"", ""
        try:
            while data := await reader.read(65536):
                buffer += data
                while buffer:
                    used, ident, answer = self.one_frame(buffer, ident)
                    if not used:
                        break
                    buffer = buffer[used:]
                    writer.write(answer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def one_frame(self, data: bytes, ident: str) -> tuple[int, str, bytes]:
        """(bytes used, identity known now, answer); 0 used: more is needed."""
        if data[0] == 0x55:
            return self.frame55(data, ident)
        if data[:1] == b"\x78":
            return self.gt06(data, ident)
        if data[0] == 0x7E:
            return self.jt808(data, ident)
        return 1, ident, b""

    def frame55(self, data: bytes, ident: str) -> tuple[int, str, bytes]:
        found = read_frame55(data)
        if found is None:
            return 0, ident, b""
        command, payload, used = found
        if command < 0:
            return used, ident, b""
        result = 0
        if command == 3:
            ident, self.logins = payload.decode(), self.logins + 1
        elif command == 1:
            self.store(ident, fix55(payload))
        elif command == 4:
            result = payload[0]
            for index in range(result):
                self.store(ident, fix55(payload[1 + 20 * index : 21 + 20 * index]))
        if command in {1, 4} and not self.answer_positions:
            return used, ident, b""
        answer = bytes((0x55, 1, 0x81, 2, command, result))
        return used, ident, answer + bytes((xor(answer),))

    def gt06(self, data: bytes, ident: str) -> tuple[int, str, bytes]:
        if len(data) < 3 or len(data) < data[2] + 5:
            return 0, ident, b""
        used = data[2] + 5
        body, crc = data[2 : used - 4], int.from_bytes(data[used - 4 : used - 2], "big")
        if data[:2] != b"xx" or crc_x25(body) != crc:
            return 1, ident, b""
        protocol, serial = body[1], body[-2:]
        if protocol == 1:
            ident, self.logins = body[2:-2].hex()[1:], self.logins + 1
        elif protocol == 0x22:
            self.store(ident, fix_gt06(body[2:-2]))
        if protocol == 0x22 and not self.answer_positions:
            return used, ident, b""
        answer = bytes((5, protocol)) + serial
        answer += crc_x25(answer).to_bytes(2, "big")
        return used, ident, b"xx" + answer + b"\r\n"

    def jt808(self, data: bytes, ident: str) -> tuple[int, str, bytes]:
        end = data.find(b"\x7e", 1)
        if end < 0:
            return 0, ident, b""
        if end == 1:
            return 1, ident, b""
        content = data[1:end].replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        if xor(content) or len(content) < 13:
            return end, ident, b""  # what ends one frame may begin the next
        head = 17 if content[2] & 0x40 else 12
        message, serial, body = content[:2], content[head - 2 : head], content[head:-1]
        ident = content[head - 12 : head - 2].hex() if head == 17 else content[4:10].hex()
        reply, reply_body = b"\x80\x01", serial + message + b"\x00"
        if message == b"\x01\x00":
            reply, reply_body = b"\x81\x00", serial + b"\x00CODE" + ident[-4:].encode()
        elif message == b"\x01\x02":
            self.logins += 1
        elif message == b"\x02\x00":
            self.store(ident, fix_jt808(body))
        elif message == b"\x07\x04":
            at = 3
            for _ in range(int.from_bytes(body[:2], "big")):
                size = int.from_bytes(body[at : at + 2], "big")
                self.store(ident, fix_jt808(body[at + 2 : at + 2 + size], stored=True))
                at += 2 + size
        if message in {b"\x02\x00", b"\x07\x04"} and not self.answer_positions:
            return end + 1, ident, b""
        size = (len(reply_body) | (0x4000 if head == 17 else 0)).to_bytes(2, "big")
        answer = reply + size + content[4 : head - 2] + b"\x00\x01" + reply_body
        answer += bytes((xor(answer),))
        answer = answer.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
        return end + 1, ident, b"\x7e" + answer + b"\x7e"

    def store(self, ident: str, fix: Fix) -> None:
        self.frames += 1
        if self.forget_every and self.frames % self.forget_every == 0:
            return
        if self.spoil_every and self.frames % self.spoil_every == 0:
            fix.lat += 3
        vehicle = self.vehicles.setdefault(ident, Vehicle(ident))
        if fix not in vehicle.fixes:
            vehicle.fixes.append(fix)
        if vehicle.newest is None or fix.fix_ms >= vehicle.newest.fix_ms:
            vehicle.newest = fix

    # -- viewers

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {
                "type": "hello", "version": self.hello_version, "node": "double", "epoch": "1",
                "time_ms": 0, "tick_interval_ms": self.interval_ms,
                "states": ["moving", "idle", "parked", "stale", "offline"],
            }
        )  # fmt: skip
        ticking = asyncio.create_task(self.send_ticks(socket))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                if said["type"] == "ack":
                    self.acks.append(said["tick"])
        ticking.cancel()
        return socket

    async def send_ticks(self, socket: web.WebSocketResponse) -> None:
        interval_s = self.interval_ms / 1000
        shown: dict[str, tuple[int, Fix]] = {}
        number = int(time.time() / interval_s)
        sent = 0
        while not socket.closed:
            number += 1
            await asyncio.sleep(max(0.0, number * interval_s - time.time()))
            if self.skip_tick_every and number % self.skip_tick_every == 0:
                continue
            message = self.tick(number, shown, first=not sent)
            sent += 1
            await socket.send_json(message)
            if self.repeat_tick_every and number % self.repeat_tick_every == 0:
                await socket.send_json(message)
            if self.close_code is not None and sent == 3:
                await socket.close(code=self.close_code)

    def tick(
        self, number: int, shown: dict[str, tuple[int, Fix]], *, first: bool
    ) -> dict[str, object]:
        tick_ms = number * self.interval_ms
        enter: dict[str, list[object]] = {
            name: []
            for name in (
                "n", "id", "name", "device", "lat", "lon", "speed", "course", "age", "state",
                "since", "flags",
            )
        }  # fmt: skip
        move: dict[str, list[int]] = {
            name: [] for name in ("n", "lat", "lon", "fix", "speed", "course")
        }
        moves: list[tuple[int, Fix, Fix]] = []
        last_entered = 0
        for ident, vehicle in self.vehicles.items():
            new = vehicle.newest
            if new is None:
                continue
            if ident not in shown:
                handle = len(shown) + 1
                values = (handle - last_entered, ident, ident, ident, new.lat, new.lon, new.speed,
                          new.course, tick_ms - new.fix_ms, 0, 0, 0)  # fmt: skip
                for column, value in zip(enter.values(), values, strict=True):
                    column.append(value)
                last_entered = handle
                shown[ident] = (handle, new)
            elif new is not shown[ident][1]:
                handle, old = shown[ident]
                moves.append((handle, old, new))
                shown[ident] = (handle, new)
        last_moved = 0
        for handle, old, new in sorted(moves, key=lambda one: one[0]):
            values = (handle - last_moved, new.lat - old.lat, new.lon - old.lon,
                      new.fix_ms - old.fix_ms, new.speed, new.course)  # fmt: skip
            for column, value in zip(move.values(), values, strict=True):
                column.append(value)
            last_moved = handle
        status = {"kind": "status", "time_ms": tick_ms, "feed": "live", "conflated": 0,
                  "counts": [len(shown), 0, 0, 0, 0]}  # fmt: skip
        parts: list[dict[str, object]] = [status]
        if first:
            parts.append({"kind": "view", "reset": True, "cells": ["0/0/0"], "groups": [""]})
        cell: dict[str, object] = {"kind": "cell", "cell": "0/0/0", "group": ""}
        parts.append(cell | {"enter": enter} | ({"move": move} if move["n"] else {}))
        return {"type": "tick", "tick": number, "parts": parts}

    # -- REST

    async def list_vehicles(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "")
        idents = sorted(ident for ident in self.vehicles if ident > after)
        page, rest = idents[:7], idents[7:]  # small pages: the client must turn them
        return web.json_response(
            {
                "vehicles": [
                    {"id": ident, "device": ident, "position": self.position(ident)}
                    for ident in page
                ],
                "next": page[-1] if rest else None,
            }
        )

    def position(self, ident: str) -> dict[str, object] | None:
        newest = self.vehicles[ident].newest
        return None if newest is None else shape(newest)

    async def track(self, request: web.Request) -> web.Response:
        fixes = sorted(self.vehicles[request.match_info["id"]].fixes, key=lambda fix: fix.fix_ms)
        return web.Response(text="".join(json.dumps(shape(fix)) + "\n" for fix in fixes))


def shape(fix: Fix) -> dict[str, object]:
    return {
        "lat": fix.lat / 1e6,
        "lon": fix.lon / 1e6,
        "speed_kmh": fix.speed / 10,
        "course_deg": fix.course / 10,
        "fix_time": datetime.fromtimestamp(fix.fix_ms / 1000, UTC).isoformat(),
    }


@asynccontextmanager
async def running(double: TrackerDouble) -> AsyncIterator[TrackerDouble]:
    """The double on two free ports of this machine."""
    server = await asyncio.start_server(double.serve_device, "127.0.0.1", 0)
    double.device_port = server.sockets[0].getsockname()[1]
    app = web.Application()
    app.router.add_get("/api/v1/live", double.live)
    app.router.add_get("/api/v1/vehicles", double.list_vehicles)
    app.router.add_get("/api/v1/vehicles/{id}/positions", double.track)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.http_port = runner.addresses[0][1]
    try:
        yield double
    finally:
        for writer in double.device_writers:
            writer.close()
        server.close()
        await runner.cleanup()
